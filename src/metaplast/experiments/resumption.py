"""What goes on was begun with settings of its own: given again they are welcome, others are not."""

from collections.abc import Callable, Sequence

import msgspec


def check_resumed(settings: Sequence[str], configured: Callable[[list[str]], msgspec.Struct]) -> None:
    """Refuse `a.b=value` settings with which a run would be another than it was begun as.

    `configured` gives its own configuration, changed by settings.

    Raises:
        ValueError: such a setting, or one that does not fit at all.
    """
    begun = configured([])
    last = {setting.partition("=")[0].strip(): setting for setting in settings}  # of the same setting the last one wins
    if other := [setting for key, setting in last.items() if _differs(key, setting, begun, configured)]:
        raise ValueError(
            f"--resume goes on with the settings of the run, which has others than {', '.join(other)}; leave them out, "
            "or give another --out without --resume"
        )


def _differs(key: str, setting: str, begun: msgspec.Struct, configured: Callable[[list[str]], msgspec.Struct]) -> bool:
    if key == "preset":  # it lies over what was begun already, which has the name but not the presets
        return setting.partition("=")[2].strip().strip('"') != getattr(begun, "preset", "")
    return configured([setting]) != begun
