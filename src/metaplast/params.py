"""Declared parameters: every number that could be learned has a name, a unit and bounds.

A parameter is an array field of an `equinox.Module` made by `param`. Its *path* is the dotted way to it from the
root, such as `populations.recurrent.neuron.tau_soma`; masks and learning rates are given by globs over these paths,
which may end in a slice over neurons (`slices.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, PyTree

from metaplast.slices import divided, neurons, refuse_slices


@dataclass(frozen=True)
class Declaration:
    """What is known of one parameter beside its value."""

    unit: str = ""
    low: float | None = None
    high: float | None = None
    logarithmic: bool = False
    """Learned on a logarithmic scale: a gradient step multiplies instead of adding."""


UNDECLARED = Declaration()
Module = TypeVar("Module", bound=eqx.Module)


def strong_float(value: Any) -> Array:
    """Array of the default float type, never weakly typed: a weak scalar would retrace everything after one update."""
    return jnp.asarray(value, dtype=jax.dtypes.canonicalize_dtype(float))


def param(
    default: float,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | str | None = None,
    logarithmic: bool = False,
) -> Any:
    """Declare a learnable number of a module, with its unit and its bounds (`project` keeps them).

    `high` may name a field of the module that holds the bound.
    """
    named = high if isinstance(high, str) else None
    declaration = Declaration(unit, low, None if isinstance(high, str) else high, logarithmic)
    return eqx.field(default=default, converter=strong_float, metadata={"declaration": declaration, "high": named})


def path_name(path: tuple[Any, ...]) -> str:
    """Dotted name of a tree path: `populations.recurrent.neuron.tau`."""
    return jax.tree_util.keystr(path, simple=True, separator=".")


def is_parameter(leaf: Any) -> bool:
    """Whether a leaf can be learned: an array of floats (masks, counters and random keys cannot)."""
    return eqx.is_inexact_array(leaf)


def declarations(tree: PyTree) -> dict[str, Declaration]:
    """Declaration of every parameter of `tree`, by path; weights and other undeclared leaves are unbounded."""
    return dict(_visit(tree, (), UNDECLARED))


def _visit(node: Any, path: tuple[str, ...], declared: Declaration) -> Iterator[tuple[str, Declaration]]:
    if isinstance(node, eqx.Module):
        for field in fields(node):
            if not field.metadata.get("static", False):
                inner = field.metadata.get("declaration", UNDECLARED)
                if bound := field.metadata.get("high"):
                    inner = replace(inner, high=getattr(node, bound))
                yield from _visit(getattr(node, field.name), (*path, field.name), inner)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _visit(value, (*path, str(key)), declared)
    elif isinstance(node, tuple | list):
        names = getattr(node, "_fields", range(len(node)))
        for key, value in zip(names, node, strict=True):
            yield from _visit(value, (*path, str(key)), declared)
    elif is_parameter(node):
        yield ".".join(path), declared


def parameter_paths(tree: PyTree) -> list[str]:
    """Paths of all parameters of `tree`, in the order of its leaves."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return [path_name(path) for path, leaf in leaves if is_parameter(leaf)]


def match(names: list[str], patterns: tuple[str, ...]) -> set[str]:
    """Names that match any of the globs; a slice in which one ends is left aside.

    Raises:
        ValueError: a pattern matches nothing; the message lists the nearest names.
    """
    found: set[str] = set()
    for pattern in patterns:
        glob, _ = divided(pattern)
        hits = {name for name in names if fnmatchcase(name, glob)}
        if not hits:
            if pattern.endswith("]") and any(fnmatchcase(name, pattern.rpartition("[")[0]) for name in names):
                raise ValueError(f"pattern {pattern!r} ends in no slice; write neuron 7 as [7:8], every other as [::2]")
            near = get_close_matches(pattern, names, n=4, cutoff=0.3) or names[:8]
            raise ValueError(f"pattern {pattern!r} matches no parameter; names are like: {', '.join(near)}")
        found |= hits
    return found


def learnable(tree: PyTree, *patterns: str) -> PyTree:
    """Mask of the parameters whose path matches any glob, e.g. `learnable(net, "*.tau_*", "*.weight")`.

    Returns a tree of booleans with the structure of `tree`: true where learnable.

    Raises:
        ValueError: a pattern that matches no parameter, or one that ends in a slice.
    """
    refuse_slices(patterns, "`learnable` marks whole parameters")
    chosen = match(parameter_paths(tree), patterns)
    return jax.tree_util.tree_map_with_path(lambda path, _: path_name(path) in chosen, tree)


def places(tree: PyTree, patterns: tuple[str, ...]) -> dict[str, Bool[np.ndarray, "..."]]:
    """What the patterns name together, by path: a single true, or a truth value a neuron where slices name a parameter.

    Raises:
        ValueError: a pattern that matches no parameter, or whose slice does not fit one.
    """
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    shapes = {path_name(path): np.shape(leaf) for path, leaf in leaves if is_parameter(leaf)}
    found: dict[str, Bool[np.ndarray, ...]] = {}
    for pattern in patterns:
        for name in sorted(match(list(shapes), (pattern,))):
            found[name] = np.logical_or(found.get(name, False), neurons(pattern, name, shapes[name]))
    return found


def project(tree: PyTree) -> PyTree:
    """Move every parameter back into its declared bounds.

    Done after an update and never in the forward pass, where a clip would kill the gradient for ever.
    """
    declared = declarations(tree)

    def clip(path: tuple[Any, ...], leaf: Any) -> Any:
        bounds = declared.get(path_name(path), UNDECLARED)
        if bounds.low is None and bounds.high is None:
            return leaf
        return jnp.clip(leaf, bounds.low, bounds.high)

    return jax.tree_util.tree_map_with_path(clip, tree)


def per_neuron(module: Module, shape: int | tuple[int, ...]) -> Module:
    """Give every neuron its own copy of each declared parameter: leaves are broadcast to `shape`."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)

    def widen(leaf: Any) -> Any:
        return jnp.broadcast_to(leaf, jnp.broadcast_shapes(leaf.shape, shape)) if is_parameter(leaf) else leaf

    return jax.tree.map(widen, module)


def named_arrays(tree: PyTree) -> dict[str, Array]:
    """Every array by path, parameters and masks, to save a network."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {path_name(path): leaf for path, leaf in leaves if eqx.is_array(leaf)}
