"""How a name or a file becomes the configuration of a sweep."""

from collections.abc import Sequence

from metaplast.experiments.learning_to_learn.configuration import on_family
from metaplast.experiments.learning_to_learn.settings import complete
from metaplast.experiments.smoke import with_smoke
from metaplast.experiments.sweep.settings import OPEN_TABLES, SMOKE, RateSweep


def sweep_configuration(name_or_file: str, settings: Sequence[str] = ()) -> RateSweep:
    """Resolved configuration of a sweep over learning rates on the family of a named experiment or file.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type or a value out of range.
    """
    settings = with_smoke(name_or_file, settings, SMOKE)
    return on_family(name_or_file, settings, RateSweep, complete, OPEN_TABLES)
