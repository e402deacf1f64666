"""How a name or a file becomes the configuration of a learning-to-learn experiment, or of another one on its family."""

from collections.abc import Callable, Sequence

from metaplast.config import Config, Table, resolve
from metaplast.experiments.catalogue import kind_of, read, without_kind
from metaplast.experiments.learning_to_learn.settings import OPEN_TABLES, LearningToLearn, complete
from metaplast.experiments.learning_to_learn.swept_rate import with_swept_rate


def configuration(name_or_file: str, settings: Sequence[str] = ()) -> LearningToLearn:
    """Resolved configuration of a named experiment or file, with `a.b=value` settings.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an unknown key, a wrong type or a value out of range.
    """
    return with_swept_rate(resolve(read(name_or_file), settings, LearningToLearn, complete, OPEN_TABLES))


def on_family(
    name_or_file: str,
    settings: Sequence[str],
    kind: type[Config],
    complete: Callable[[Table], Table],
    open_tables: Sequence[str],
) -> Config:
    """Configuration of another kind of experiment on the same family.

    Raises:
        FileNotFoundError: no such experiment or file.
        ValueError: an experiment without a family, or a setting that does not fit.
    """
    if (found := kind_of(name_or_file)) in ("study", "classification", "channel-search"):
        raise ValueError(
            f"{name_or_file} is of the kind {found!r} and has no task family; give one that has, such as dms "
            "(metaplast list)"
        )
    return resolve(without_kind(name_or_file), settings, kind, complete, open_tables)
