"""Scans that write their outputs over inputs they have read.

A scan takes new memory for everything it stacks, has it filled with zeros and then writes it. Where the inputs are of
no further use, the outputs can go where the inputs were: the membrane over the current that drove it, and in the
backward pass the cotangent of the current over the membrane. For a layer of cells this is most of the traffic.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun
from jax.extend.core.primitives import scan_p
from jaxtyping import Array, PyTree


def scans_in_place(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """`function(scratch, *others)` with its scans written over the arrays of `scratch` that they read.

    The result is the same; only memory traffic changes. Give as `scratch` what nobody reads afterwards: where that
    is not so, XLA makes a copy first. Differentiated, it is `function` again, scans and all.
    """

    def rewritten(scratch: PyTree, *others: PyTree) -> PyTree:
        traced, shape = jax.make_jaxpr(function, return_shape=True)(scratch, *others)
        free = set(traced.jaxpr.invars[: len(jax.tree.leaves(scratch))])
        return jax.tree.unflatten(jax.tree.structure(shape), _call(traced, free, jax.tree.leaves((scratch, *others))))

    return rewritten


def _call(traced: ClosedJaxpr, free: set[Any], arguments: Sequence[Any]) -> Sequence[Any]:
    """The traced program equation by equation, and its derivative from the program as it was traced."""
    program = traced.jaxpr
    opened = ClosedJaxpr(program.replace(constvars=[], invars=[*program.constvars, *program.invars]), ())
    as_traced = jaxpr_as_fun(opened)

    @jax.custom_jvp
    def in_place(*arguments: Any) -> Sequence[Any]:
        values: dict[Any, Any] = dict(zip(opened.jaxpr.invars, arguments, strict=True))
        for equation in program.eqns:
            results = _evaluate(program, equation, values, free)
            values |= zip(equation.outvars, results, strict=True)
        return [_value(atom, values) for atom in program.outvars]

    @in_place.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        return jax.jvp(lambda *arguments: list(as_traced(*arguments)), primals, tangents)

    return in_place(*traced.consts, *arguments)


def _value(atom: Any, values: dict[Any, Any]) -> Any:
    return atom.val if isinstance(atom, Literal) else values[atom]


def _evaluate(program: Jaxpr, equation: JaxprEqn, values: dict[Any, Any], free: set[Any]) -> Sequence[Any]:
    """Results of one equation: a scan in our own way, any other as a program of its own."""
    if equation.primitive is scan_p:
        operands = [_value(atom, values) for atom in equation.invars]
        usable = [not isinstance(atom, Literal) and atom in free for atom in equation.invars]
        return _scan(equation, operands, usable)
    inputs = list({atom: None for atom in equation.invars if not isinstance(atom, Literal)})
    alone = program.replace(constvars=[], invars=inputs, outvars=equation.outvars, eqns=[equation])
    return jaxpr_as_fun(ClosedJaxpr(alone, ()))(*(values[variable] for variable in inputs))


def _scan(equation: JaxprEqn, operands: Sequence[Array], free: Sequence[bool]) -> Sequence[Array]:
    """One scan as a loop over its steps; as it was if none of its inputs can be written over."""
    parameters = equation.params
    fixed, varying = parameters["num_consts"], parameters["num_consts"] + parameters["num_carry"]
    consts, carry, xs = operands[:fixed], operands[fixed:varying], operands[varying:]
    outputs = parameters["jaxpr"].out_avals[parameters["num_carry"] :]
    place = _places(parameters["length"], outputs, xs, free[varying:])
    if not any(index is not None for index in place) or any(_is_key(array) for array in [*xs, *outputs]):
        return equation.primitive.bind(*operands, **parameters)
    step = jaxpr_as_fun(parameters["jaxpr"])
    carry, stacked = _loop(step, consts, carry, xs, outputs, place, parameters["length"], parameters["reverse"])
    return [*carry, *stacked]


def _is_key(array: Any) -> bool:
    return jnp.issubdtype(array.dtype, jax.dtypes.prng_key)


def _places(length: int, outputs: Sequence[Any], xs: Sequence[Array], free: Sequence[bool]) -> list[int | None]:
    """For every output the index of an input whose memory it can take, each at most once."""
    left = [index for index, usable in enumerate(free) if usable]
    chosen: list[int | None] = []
    for output in outputs:
        shape = (length, *output.shape)
        fits = [index for index in left if xs[index].shape == shape and xs[index].dtype == output.dtype]
        chosen.append(fits[0] if fits else None)
        left = [index for index in left if index not in fits[:1]]
    return chosen


def _loop(
    step: Callable[..., Sequence[Array]],
    consts: Sequence[Array],
    carry: Sequence[Array],
    xs: Sequence[Array],
    outputs: Sequence[Any],
    place: Sequence[int | None],
    length: int,
    reverse: bool,
) -> tuple[Sequence[Array], Sequence[Array]]:
    """The loop: carry and stacked outputs.

    An input that is written over is read one step ahead, out of the buffer as it is after the write: then XLA sees
    no read that could come too late, and need not copy the buffer at every step.
    """
    at = (lambda count: length - 1 - count) if reverse else (lambda count: count)
    shared = {index: output for output, index in enumerate(place) if index is not None}
    buffers = [
        xs[index] if index is not None else jax.lax.empty((length, *output.shape), output.dtype)
        for output, index in zip(outputs, place, strict=True)
    ]
    ahead = {index: xs[index][at(0)] for index in shared}

    def body(count: Array, loop: tuple[Any, ...]) -> tuple[Any, ...]:
        carry, ahead, buffers = loop
        now = [ahead[i] if i in shared else _read(x, at(count)) for i, x in enumerate(xs)]
        results = step(*consts, *carry, *now)
        written = results[len(carry) :]
        buffers = [_write(buffer, value, at(count)) for buffer, value in zip(buffers, written, strict=True)]
        ahead = {index: _read(buffers[output], at(count + 1)) for index, output in shared.items()}
        return list(results[: len(carry)]), ahead, buffers

    def counted(loop: tuple[Array, Any]) -> tuple[Array, Any]:
        return loop[0] + 1, body(*loop)

    start = (jnp.int32(0), (list(carry), ahead, buffers))
    _, (carry, _, stacked) = jax.lax.while_loop(lambda loop: loop[0] < length, counted, start)
    return carry, stacked


def _read(array: Array, at: Array) -> Array:
    """One step; past either end, where its value is not used, the nearest."""
    return jax.lax.dynamic_index_in_dim(array, at, keepdims=False, allow_negative_indices=False)


def _write(array: Array, value: Array, at: Array) -> Array:
    return jax.lax.dynamic_update_index_in_dim(array, value, at, 0, allow_negative_indices=False)
