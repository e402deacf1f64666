"""The files that sweeps write and runs take as learning rates."""

from pathlib import Path
from typing import TypeVar

import msgspec

from metaplast.config import read_toml
from metaplast.experiments.learning_to_learn.settings import LearningToLearn
from metaplast.experiments.models import AnyModel, AttentionSettings, GatedSettings, RateSettings, SpikingSettings
from metaplast.run_names import swept_model

MODELS = {"spiking": SpikingSettings, "rate": RateSettings, "gru": GatedSettings}
Learning = TypeVar("Learning", bound=LearningToLearn)
RATES = "rates"
"""Table of a sweep's file that holds the chosen rate of every model."""


def model_key(model: AnyModel) -> str:
    """How a sweep's file calls a model."""
    return swept_model(str(model.__struct_config__.tag), model.heads if isinstance(model, AttentionSettings) else None)


def with_swept_rate(config: Learning) -> Learning:
    """`config` with the number in place of a file that `learning.rate` names, so that it depends on no other file.

    It is looked up last, when the model is known.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file without a rate for the model.
    """
    given = config.learning.rate
    if not isinstance(given, str):
        return config
    if not Path(given).is_file():
        raise FileNotFoundError(f"learning.rate: no file {given}; give a number, or a file of `metaplast sweep`")
    rates, key = read_toml(Path(given)).get(RATES), model_key(config.model)
    if not isinstance(rates, dict):
        raise ValueError(f"learning.rate: {given} has no table of rates; give a number, or a file of `metaplast sweep`")
    if key not in rates:
        raise ValueError(
            f"learning.rate: {given} has no rate of {key}; there are: {', '.join(rates)}; sweep that model too, with "
            f"--set 'sweep.models=[\"{key}\"]'"
        )
    learning = msgspec.structs.replace(config.learning, rate=float(rates[key]))
    return msgspec.structs.replace(config, learning=learning)
