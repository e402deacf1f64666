"""What a report says of mechanisms together against the best of them alone, whatever was measured."""

from typing import Any

from metaplast.analysis.statistics import Interval

PAIRED = "95 % Student's t interval of the paired differences over the seeds that both have"
FAVOURED = "which favours the single mechanism"
FEWEST = 3
"""Seeds from which on an interval carries a verdict."""


def fullest(conditions: dict[str, Any]) -> list[str]:
    """Conditions that combine the most channels of all."""
    sizes = {name: len(set(one["channels"])) for name, one in conditions.items()}
    return [name for name, size in sizes.items() if size == max(sizes.values()) and not conditions[name]["single"]]


def points(difference: Interval) -> Interval:
    """A difference of shares in percentage points."""
    return Interval(*(100 * value for value in difference))


def verdict(gain: Interval, seeds: int) -> str:
    """Which side an interval of differences over so many seeds comes down on."""
    if seeds < FEWEST:
        return "too few seeds"
    if gain.low > 0:
        return "together better"
    return "alone better" if gain.high < 0 else "cannot tell"
