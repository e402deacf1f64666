"""How a name or a file becomes the plan of a study."""

from collections.abc import Sequence

from metaplast.config import resolve
from metaplast.experiments.catalogue import read
from metaplast.experiments.study.settings import StudySettings, expanded


def study_configuration(name_or_file: str, settings: Sequence[str] = ()) -> StudySettings:
    """Resolved configuration of a named study or file, every member of every family written out.

    Raises:
        FileNotFoundError: no such study or file.
        ValueError: an unknown key, a wrong type or a member that does not fit.
    """
    return expanded(resolve(read(name_or_file), settings, StudySettings, lambda table: table, ("settings", "pooled")))
