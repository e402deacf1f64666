"""The gains of pilots in a search for channels: those of the conditions beside which a run has what was found."""

import pytest
import tomli_w

from classification_helpers import TABLE, patterns
from metaplast.config import resolve, to_table
from metaplast.experiments.classification import data as classification_data
from metaplast.experiments.search.channel_settings import OPEN_TABLES, ChannelSearch, complete, with_gains
from metaplast.experiments.search.channels import build
from metaplast.experiments.search.configuration import channel_search_configuration

SMALL = ["pilot.seeds=1", 'pilot.channels=["stbp", "sbp"]']


def searching(*settings: str) -> ChannelSearch:
    table = {key: value for key, value in TABLE.items() if key != "experiment"}
    return resolve(table, settings, ChannelSearch, complete, OPEN_TABLES)


@pytest.mark.parametrize(
    ("policy", "gains"),
    [
        ('{name="softmax", mean=0.5}', {"stbp": 0.5, "sbp": 0.5}),
        ('{name="fixed", gains={stbp=0.25, hebbian=0.5}}', {"stbp": 0.25}),
        ('{name="free", gains={output={sbp=0.75, hebbian=2.0}}}', {"output": {"sbp": 0.75}}),
        ('{name="scheduled", start={sbp=0.1}, end={sbp=1.0}}', {"sbp": 0.1}),
        ('{name="per-neuron"}', None),
    ],
)
def test_pilots_have_the_gains_with_which_the_fullest_condition_begins(policy, gains):
    condition = f'conditions.X={{channels=["stbp", "hebbian", "sbp", "random"], assignment={policy}}}'
    found = to_table(with_gains(searching(condition, 'pilot.channels=["stbp", "sbp"]')).pilot)["assignment"]
    assert found == ({"name": "equal"} if gains is None else {"name": "fixed", "gains": gains})


def test_a_run_of_what_was_found_has_the_gains_of_its_pilots(monkeypatch):
    monkeypatch.setattr(classification_data, "load", lambda *_, **__: patterns())
    study = build(searching(*SMALL, 'pilot.assignment={name="fixed", gains={stbp=0.25, sbp=0.5}}'))
    (everything,) = study.grid.config.conditions
    policy = study.grid.config.condition(everything).assignment
    assert to_table(policy) == {"name": "fixed", "gains": {"stbp": 0.25, "sbp": 0.5}}
    found = study.found((True, False, True, False))["condition"]
    assert found["assignment"] == {"name": "fixed", "gains": {"stbp": 0.25}}


def test_a_search_of_an_older_version_goes_on_with_equal_gains(tmp_path):
    table = to_table(searching(*SMALL, "conditions.X={channels=['stbp'], assignment={name='softmax', mean=0.5}}"))
    assert "assignment" not in table["pilot"]
    (tmp_path / "config.toml").write_text(tomli_w.dumps(table))
    again = channel_search_configuration(str(tmp_path / "config.toml"))
    assert to_table(again.pilot)["assignment"] == {"name": "equal"}
