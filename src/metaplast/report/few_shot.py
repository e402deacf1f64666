"""What a report says of classes never seen before."""

from metaplast.analysis.classification.few_shot import few_shot_accuracy, read_few_shot
from metaplast.analysis.statistics import Interval
from metaplast.analysis.tables import Column, Table
from metaplast.runs import RunDirectory


def few_shot_tables(run: RunDirectory) -> list[Table]:
    """A row a condition, a column a readout; no table of a run that holds no class back."""
    found = few_shot_accuracy(read_few_shot(run))
    if not found:
        return []
    readouts = list(dict.fromkeys(readout for _, readout in found))
    columns = [Column("condition", "condition", words=True)]
    columns += [Column(name.replace("-", "_"), f"{name} (%)") for name in readouts]
    names = dict.fromkeys(condition for condition, _ in found)
    rows = [(name, *(Interval(*(100 * v for v in found[name, readout])) for readout in readouts)) for name in names]
    settings = run.config["few_shot"]
    traces = "go on" if settings["hidden"] else "stay"
    note = (
        f"{settings['episodes']} episodes a seed of {settings['ways']} classes that were not learned, with "
        f"{settings['shots']} examples of each. A column is the mechanism by which an empty readout of the last hidden "
        f"layer learns them; slow weights stay, and Hebbian traces of hidden layers {traces}. Least squares is the "
        "readout that a gradient would end at; pixels is the nearest example without any network. Brackets: 95 % "
        "bootstrap interval over seeds, or over episodes where there is one seed. All in analysis/few_shot.csv."
    )
    return [Table("few_shot", "Classes never seen before", columns, rows, note)]
