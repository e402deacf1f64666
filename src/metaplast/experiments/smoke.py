"""What the preset smoke of a family means to searches and sweeps, whose settings a run does not know."""

from collections.abc import Sequence

from metaplast.experiments.catalogue import read

SMOKE = "smoke"


def with_smoke(name_or_file: str, settings: Sequence[str], smoke: Sequence[str]) -> list[str]:
    """`settings`, and before them those of `smoke` where this preset is chosen; they win, and so does the file.

    The file of a search or sweep that was begun has no presets any more: what lay over it then stays.
    """
    table = read(name_or_file)
    preset, presets = table.get("preset"), table.get("presets")
    for key, _, value in (setting.partition("=") for setting in settings):
        if key.strip() == "preset":
            preset = value.strip().strip('"')
    laid = presets.get(SMOKE) if isinstance(presets, dict) else None
    if preset != SMOKE or not isinstance(laid, dict):
        return list(settings)
    sections = {*table, *laid}
    return [*(one for one in smoke if one.partition(".")[0] not in sections), *settings]
