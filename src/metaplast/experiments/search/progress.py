"""What a search tells while it runs, whatever its fast level is."""

from typing import NamedTuple


class Told(NamedTuple):
    """How far a search is."""

    masks: int
    """Masks measured so far."""
    done: int
    """Of `unit`, over masks and seeds."""
    unit: str
    """What pilot networks learn one after the other: problems, or epochs."""
    updates: int | None = None
    """Updates spent, where they are what counts."""

    def words(self, masks: int | None = None) -> str:
        """One line of it, among so many masks in all."""
        tried = f"{self.masks} masks" if masks is None else f"{self.masks} of {masks} masks"
        spent = "" if self.updates is None else f", {self.updates:,} updates"
        return f"{tried}, {self.done} {self.unit}{spent}"
