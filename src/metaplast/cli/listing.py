"""`metaplast list`: the experiments that have a name."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Column, Table

UNBROKEN = 1_000
"""Columns of what is no terminal: one line an experiment, for whatever reads it."""


def show_experiments(console: Console) -> None:
    """Every named experiment, with its presets."""
    rows = list(_rows())
    name = Column("name", no_wrap=True, min_width=max(len(row[0]) for row in rows))
    others = (Column(title, overflow="fold") for title in ("what it is", "problems or data", "conditions", "presets"))
    table = Table(name, *others, box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    (console if console.is_terminal else Console(width=UNBROKEN)).print(table)


def _rows() -> Iterator[tuple[str, ...]]:
    from metaplast.experiments.catalogue import CLASSIFICATIONS, NAMES, STUDIES, read
    from metaplast.experiments.classification.configuration import classification_configuration
    from metaplast.experiments.learning_to_learn.configuration import configuration
    from metaplast.experiments.study.configuration import study_configuration

    presets = {name: ", ".join(read(name).get("presets", {})) for name in (*NAMES, *CLASSIFICATIONS, *STUDIES)}
    for name in NAMES:
        config = configuration(name)
        yield name, config.title, str(config.run.problems), ", ".join(config.conditions), presets[name]
    for name in CLASSIFICATIONS:
        grid = classification_configuration(name)
        yield name, grid.title, grid.data.name, ", ".join(grid.conditions), presets[name]
    for name in STUDIES:
        plan = study_configuration(name)
        yield name, plan.title, "", f"a study of {len(plan.plan)} members", presets[name]
