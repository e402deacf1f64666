"""What a report says of the data of a classification run."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from metaplast.analysis.classification.tested import as_tested
from metaplast.runs import RunDirectory


class Told(NamedTuple):
    """The data of a run, as it noted them itself; of a run that did not, as its configuration asks for them."""

    name: str
    """Says whether it is a subset."""
    provenance: str
    train: int
    """Examples that are learned; 0: nobody knows."""
    test: int


def data_of(run: RunDirectory) -> Told:
    """What a run has learned."""
    told = run.meta.get("data")
    if isinstance(told, Mapping):
        return Told(str(told["name"]), str(told["provenance"]), int(told["train"]), int(told["test"]))
    asked: dict[str, Any] = run.config["data"]
    provenance = f"{asked['name']}, by its configuration; the run did not note what its files held"
    return Told(asked["name"], provenance, asked.get("train", 0), asked.get("test", 0))


def learned_words(run: RunDirectory) -> str:
    """What was learned from how many examples, in some words: `mnist (20,000 training and 10,000 test examples)`."""
    told = data_of(run)
    counts = [f"{count:,} {kind}" for kind, count in (("training", told.train), ("test", told.test)) if count]
    return as_tested(f"{told.name} ({' and '.join(counts)} examples)", run.config) if counts else told.name
