"""The numbers of a condition: seeds that broke are counted, and averaged away nowhere."""

import math

import numpy as np

from metaplast.analysis.classification.epochs import EpochRow, EpochTable, read_epochs, summarised, write_epochs
from metaplast.report.classification import accuracy_table
from metaplast.runs import RunDirectory

WHOLE = {"loss": 0.5, "test_loss": 0.4, "accuracy": 0.8, "test_accuracy": 0.9, "spikes": 3.0, "operations": 9.0}
WHOLE |= {"products": 1.0, "seconds": 2.0, "rate.hidden1": 0.1, "gain.output.stbp": 0.5}
BROKEN = WHOLE | {"loss": math.nan, "test_loss": math.nan, "test_accuracy": 0.0, "gain.output.stbp": math.nan}


def table_of(place, *last: dict[str, float]) -> EpochTable:
    """One condition, written and read again; seeds begin alike and end with `last`."""
    rows = [EpochRow("S", seed, epoch, now) for seed, end in enumerate(last) for epoch, now in ((1, WHOLE), (2, end))]
    directory = RunDirectory.create(place)
    write_epochs(directory, rows)
    return read_epochs(directory)


def test_a_seed_whose_loss_is_no_number_is_counted_and_stays_in_the_means(tmp_path):
    table = table_of(tmp_path / "run", WHOLE, BROKEN)
    found = summarised(table, "S")
    assert table.broken("S") == [1]
    assert (found.seeds, found.broken) == (2, 1)
    assert math.isnan(found.loss)
    np.testing.assert_allclose(found.accuracy.mean, 0.45)
    np.testing.assert_allclose(found.gains["output.stbp"], 0.5)
    shown = accuracy_table(table)
    assert [column.key for column in shown.columns][:3] == ["condition", "seeds", "broken"]
    assert shown.rows[0][:3] == ("S", 2, 1)
    assert "Broken:" in shown.note


def test_a_loss_that_came_back_is_a_broken_seed_all_the_same(tmp_path):
    table = EpochTable(
        tuple(
            EpochRow("S", 0, epoch, WHOLE | {"test_loss": loss}) for epoch, loss in enumerate((0.4, math.inf, 0.4), 1)
        )
    )
    assert table.broken("S") == [0]


def test_where_nothing_broke_the_table_does_not_speak_of_it(tmp_path):
    table = table_of(tmp_path / "run", WHOLE, WHOLE)
    assert summarised(table, "S").broken == 0
    shown = accuracy_table(table)
    assert "broken" not in [column.key for column in shown.columns]
    assert "Broken" not in shown.note
