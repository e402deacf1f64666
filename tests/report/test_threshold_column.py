"""The column of thresholds in the table of a classification run."""

from metaplast.analysis.classification.epochs import FIXED, EpochRow, EpochTable
from metaplast.report.classification import accuracy_table


def row(condition: str, **values: float) -> EpochRow:
    return EpochRow(condition, 0, 1, dict.fromkeys(FIXED, 0.5) | {"rate.hidden1": 0.2} | values)


def test_thresholds_have_a_column_where_some_condition_adapts_them():
    rows = row("S"), row("S homeostasis", **{"threshold.hidden1": 0.71, "threshold.hidden2": 0.9})
    table = accuracy_table(EpochTable(rows))
    place = [column.key for column in table.columns].index("threshold")
    assert [found[place] for found in table.rows] == [None, 0.71]
    assert all(len(found) == len(table.columns) for found in table.rows)
    assert "threshold" not in [column.key for column in accuracy_table(EpochTable(rows[:1])).columns]
