"""How a name or a file becomes the configuration of a classification experiment."""

from collections.abc import Sequence

from metaplast.config import resolve
from metaplast.experiments.catalogue import read
from metaplast.experiments.classification.settings import OPEN_TABLES, ClassificationSettings, complete


def classification_configuration(name_or_file: str, settings: Sequence[str] = ()) -> ClassificationSettings:
    """Resolved configuration of a named classification experiment or file.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type, a value out of range, or a channel that there is not.
    """
    return resolve(read(name_or_file), settings, ClassificationSettings, complete, OPEN_TABLES)
