"""A network of which only the structure counts."""

import equinox as eqx
import jax
import numpy as np

from metaplast.experiments.models import ModelSettings
from metaplast.models import Model
from metaplast.tasks import Family


def structure(model: ModelSettings, family: Family) -> Model:
    """The network of a model, every array zero: it has all parameters, and none was drawn, which takes seconds.

    Raises:
        ValueError: settings of the model that do not fit.
    """
    shapes = eqx.filter_eval_shape(lambda: model.build(jax.random.key(0), family))

    def zeros(leaf: object) -> object:
        return np.zeros(leaf.shape, leaf.dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf

    return jax.tree.map(zeros, shapes)
