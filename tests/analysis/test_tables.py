"""Tables say the same on the page and in the file."""

import csv
import io

import numpy as np
import pytest

from metaplast.analysis.statistics import Interval
from metaplast.analysis.tables import Column, Table, number, shown

COLUMNS = (Column("family", "family", words=True), Column("updates", "updates a problem"), Column("count", "of"))
ROWS = [
    ["cd, dms", Interval(1 / 3, 0.3, 0.4), 1000],
    ["cd, dms", 5.0, None],
    ["other", Interval(2.0, np.nan, np.nan), 3],
]


def test_a_file_has_an_interval_in_three_columns():
    lines = list(csv.reader(io.StringIO(Table("name", "title", COLUMNS, ROWS).csv().decode())))
    assert lines == [
        ["family", "updates", "updates_low", "updates_high", "count"],
        ["cd, dms", "0.333333", "0.3", "0.4", "1000"],
        ["cd, dms", "5", "", "", ""],
        ["other", "2", "", "", "3"],
    ]


def test_a_reader_sees_what_repeats_only_once():
    table = Table("name", "title", COLUMNS, ROWS)
    assert list(table.text()) == [["cd, dms", "0.33 (0.30 to 0.40)", "1,000"], ["", "5", "–"], ["other", "2", "3"]]  # noqa: RUF001
    assert not table.long
    assert table._replace(rows=ROWS * 10).long


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(0.98812, 0.98761, 0.98894), "0.9881 (0.9876 to 0.9889)"),
        (Interval(1.0, 0.9983, 1.07), "1.000 (0.998 to 1.070)"),
        (Interval(23150.4, 21000.0, 25000.0), "23,150 (21,000 to 25,000)"),
        (Interval(1.0, 1.0, 1.0), "1 (1 to 1)"),
        (Interval(-3.0, -20.0, 10.0), "-3 (-20 to 10)"),
        (Interval(0.1234, np.nan, np.nan), "0.123"),
    ],
)
def test_an_interval_shows_two_digits_of_its_width(interval, text):
    assert shown(interval) == text


def test_numbers():
    assert [number(value) for value in (3.0, 0.12345, 12345.6, 0)] == ["3", "0.123", "12,346", "0"]
