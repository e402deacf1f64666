"""What every run writes of itself: its configuration first, when and with what it began, and when it was done."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jax

from metaplast.config import to_table
from metaplast.provenance import provenance
from metaplast.runs import RunDirectory


def begin(
    directory: RunDirectory, config: Any, seed: int, *, resume: bool, data: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write config.toml and meta.json, or note in the latter that the run goes on; what meta.json says.

    `data` says what is learned: its name, where it comes from, and how many examples there are.
    """
    device = jax.devices()[0]
    meta = provenance(f"{device.platform} {device.device_kind}") | {"seed": seed, "started": _now()}
    if resume:
        before = directory.meta
        resumed = {"resumed": meta["started"], "commit": meta["commit"], "version": meta["version"]}
        meta = before | {"resumptions": [*before.get("resumptions", []), resumed]}
    else:
        directory.write_config(to_table(config))
    meta |= {} if data is None else {"data": dict(data)}
    directory.write_meta(meta)
    return meta


def finish(directory: RunDirectory, meta: dict[str, Any]) -> None:
    """Note in meta.json that all is done."""
    directory.write_meta(meta | {"finished": _now()})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
