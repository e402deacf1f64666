"""The allocations that a search may choose from: every subset of some named groups of parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from metaplast.allocation.base import Allocation

Mask = tuple[bool, ...]
"""For every group of a space whether it may learn."""


@dataclass(frozen=True)
class Space:
    """Subsets of `groups` (by name, the globs of their parameters), beside what `always` may learn.

    Raises:
        ValueError: no group to choose from.
    """

    groups: Mapping[str, tuple[str, ...]]
    always: tuple[str, ...] = ()
    needed: tuple[tuple[str, ...], ...] = ()
    """Names of groups of which a subset must have at least one, such as all that arrives in one layer."""

    def __post_init__(self) -> None:
        if not self.groups:
            raise ValueError("search.groups is empty; name at least one group of parameters to choose from")

    def all(self) -> list[Mask]:
        """Every subset that is allowed, those with few of the last groups first."""
        return [mask for mask in product((False, True), repeat=len(self.groups)) if self.allows(mask)]

    def allows(self, mask: Mask) -> bool:
        """Whether a subset has what it must have."""
        chosen = {name for name, free in zip(self.groups, mask, strict=True) if free}
        return all(chosen.intersection(names) for names in self.needed)

    def label(self, mask: Mask) -> str:
        """One digit a group, in the order of the groups: 101."""
        return "".join("1" if chosen else "0" for chosen in mask)

    def allocation(self, mask: Mask) -> Allocation:
        """The allocation of a subset, named after its label.

        Raises:
            ValueError: a mask of another length, or one without a group that it must have.
        """
        if len(mask) != len(self.groups):
            raise ValueError(f"mask {self.label(mask)} has {len(mask)} digits for {len(self.groups)} groups")
        if not self.allows(mask):
            sets = " and one of ".join(", ".join(names) for names in self.needed)
            raise ValueError(f"mask {self.label(mask)} of {', '.join(self.groups)} must have one of {sets}")
        chosen = [group for group, free in zip(self.groups.values(), mask, strict=True) if free]
        return Allocation(self.label(mask), (*self.always, *(pattern for group in chosen for pattern in group)))
