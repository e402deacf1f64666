"""How a name or a file becomes the configuration of a search."""

from collections.abc import Sequence

from metaplast.config import resolve
from metaplast.experiments.catalogue import kind_of, without_kind
from metaplast.experiments.learning_to_learn.configuration import on_family
from metaplast.experiments.learning_to_learn.swept_rate import with_swept_rate
from metaplast.experiments.search import channel_settings as channels
from metaplast.experiments.search import settings as masks
from metaplast.experiments.search.channel_settings import ChannelSearch
from metaplast.experiments.search.settings import AllocationSearch
from metaplast.experiments.smoke import with_smoke


def search_configuration(name_or_file: str, settings: Sequence[str] = ()) -> AllocationSearch:
    """Resolved configuration of a search on the family of a named experiment or file.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type or a value out of range.
    """
    known = masks.complete, masks.OPEN_TABLES
    settings = with_smoke(name_or_file, settings, masks.SMOKE)
    return with_swept_rate(on_family(name_or_file, settings, AllocationSearch, *known))


def channel_search_configuration(name_or_file: str, settings: Sequence[str] = ()) -> ChannelSearch:
    """Resolved configuration of a search for channels in a named classification experiment or file.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type, a value out of range, or a channel that there is not.
    """
    complete, open_tables = channels.complete, channels.OPEN_TABLES
    table = without_kind(name_or_file)
    pilot = table.get("pilot", {})
    if kind_of(name_or_file) == "channel-search" and "channels" in pilot and "assignment" not in pilot:
        # As a version before this setting wrote it, whose pilots had equal gains: such a search goes on with these.
        table["pilot"] = pilot | {"assignment": {"name": "equal"}}
    return channels.with_gains(resolve(table, settings, ChannelSearch, complete, open_tables))
