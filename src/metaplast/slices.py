"""Slices over neurons, in which a glob over parameter paths may end: `*.threshold[:50]`, `*.tau_soma[::2]`.

A slice is what stands between brackets at the very end of a pattern if it is made of digits, colons and minus signs
with at least one colon; it has the meaning that it has in Python, over the last axis of a parameter. Any other bracket
is a set of characters, as in every glob: `*.tau_[ds]*`, `layer[0-9]`. So a single neuron is `[7:8]`.
"""

import re

import numpy as np
from jaxtyping import Bool

END = re.compile(r"\[([-0-9]*:[-0-9:]*)\]\Z")


def divided(pattern: str) -> tuple[str, slice | None]:
    """The glob of a pattern, and the slice in which it ends, if it does.

    Raises:
        ValueError: an end that looks like a slice but is none.
    """
    end = END.search(pattern)
    if end is None:
        return pattern, None
    try:
        part = slice(*(int(bound) if bound else None for bound in end[1].split(":")))
    except (ValueError, TypeError):
        part = None
    if part is None or part.step == 0:
        raise ValueError(f"pattern {pattern!r} ends in no slice; write [START:STOP] or [START:STOP:STEP], STEP not 0")
    return pattern[: end.start()], part


def refuse_slices(patterns: tuple[str, ...], because: str) -> None:
    """Refuse patterns that end in a slice, where only whole parameters have a meaning.

    Raises:
        ValueError: one that does.
    """
    for pattern in patterns:
        glob, part = divided(pattern)
        if part is not None:
            raise ValueError(f"pattern {pattern!r} names some neurons only, but {because}; write {glob!r}")


def neurons(pattern: str, name: str, shape: tuple[int, ...]) -> Bool[np.ndarray, "..."]:
    """What a pattern names of a parameter that it matches: a single true for all, or a truth value a neuron.

    Raises:
        ValueError: a slice of what has no neurons, one that names none, or one that goes beyond them.
    """
    glob, part = divided(pattern)
    if part is None:
        return np.array(True)
    if not shape:
        raise ValueError(f"pattern {pattern!r}: {name} is one number for all neurons and has no slices; write {glob!r}")
    count = shape[-1]
    named = np.zeros(count, bool)
    named[part] = True
    if any(bound is not None and not -count <= bound <= count for bound in (part.start, part.stop)):
        raise ValueError(f"pattern {pattern!r} goes beyond the {count} neurons of {name}; give bounds up to {count}")
    if not named.any():
        raise ValueError(f"pattern {pattern!r} names none of the {count} neurons of {name}; give a slice of some")
    return named
