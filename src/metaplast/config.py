"""Configurations: TOML in, typed and checked values out, every mistake named by its path."""

import copy
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from metaplast.config_mistakes import explained, nearest_first

Config = TypeVar("Config", bound=msgspec.Struct)
Component = TypeVar("Component")
Table = dict[str, Any]


def read_toml(path: Path) -> Table:
    """The table of a TOML file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML; the message has line and column.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no configuration file {path}; `metaplast list` shows the named experiments")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from None


def choose_preset(table: Table, name: str) -> Table:
    """`table` without its presets, overlaid with the one called `name` (none if empty).

    Raises:
        ValueError: no such preset.
    """
    table = copy.deepcopy(table)
    presets = table.pop("presets", {})
    if not name:
        return table
    if not isinstance(presets, dict) or not isinstance(presets.get(name, {}), dict):
        raise ValueError(f"presets.{name} is not a table of settings; write [presets.{name}] above them")
    if name not in presets:
        raise ValueError(f"preset {name!r} does not exist; there are: {', '.join(presets) or 'none'}")
    return overlay(table, presets[name]) | {"preset": name}


def overlay(table: Table, above: Mapping[str, Any]) -> Table:
    """`table` with the values of `above`, table by table."""
    result = dict(table)
    for key, value in above.items():
        inner = result.get(key)
        result[key] = overlay(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else value
    return result


def decode(table: Table, kind: type[Config]) -> Config:
    """A typed configuration.

    Raises:
        ValueError: an unknown key, a wrong type, a value out of range or not finite, named by its path.
    """
    _check_finite(table, "")
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise ValueError(explained(error, table, kind)) from None


def _check_finite(value: Any, path: str) -> None:
    """TOML knows nan and inf, which pass the bounds of a range or fail them for no visible reason."""
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in inner:
        _check_finite(item, f"{path}.{key}" if path else str(key))
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{path} is {value}; give a finite number")


def assign(table: Table, setting: str, open_tables: Sequence[str] = ()) -> None:
    """Carry out one `a.b=value` on a resolved table; the value is TOML, or else text.

    A new `name` of a component takes the settings of the old one with it. Only `open_tables` take new keys.

    Raises:
        ValueError: no `=`, or a key that does not exist.
    """
    key, equals, text = setting.partition("=")
    if not equals:
        raise ValueError(f"--set {setting!r} has no '='; write --set {setting}=VALUE")
    key, value = key.strip(), _parse(text.strip())
    for place in open_tables:
        if key.startswith(f"{place}."):
            inner = table
            for part in place.split("."):
                inner = inner[part]
            rest = key.removeprefix(f"{place}.")
            head, dot, tail = rest.partition(".")
            if dot and isinstance(inner.get(head), dict):  # a setting of an entry that is there
                _assign(inner[head], tail, value, key)
            else:
                inner[rest] = value
            return
    _assign(table, key, value, key)


def _assign(table: Table, key: str, value: Any, whole: str) -> None:
    if key in table:
        if key == "name" and table[key] != value:
            table.clear()
        table[key] = value
        return
    head, dot, rest = key.partition(".")
    if dot and isinstance(table.get(head), dict):
        _assign(table[head], rest, value, whole)
        return
    prefix = whole[: len(whole) - len(key)]
    names = [prefix + name for name in nearest_first(head, table)]
    raise ValueError(f"unknown key {whole!r}; there are: {', '.join(names)}")


def _parse(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def settings_of(kind: type) -> dict[str, Any]:
    """Fields of a component that a configuration may give, with their types: plain values and declared parameters."""
    plain = (bool, int, float, str)
    found = {field.name: float if "declaration" in field.metadata else field.type for field in fields(kind)}
    return {name: kind for name, kind in found.items() if kind in plain}


def component(registry: Mapping[str, type[Component]], table: Table, where: str) -> Component:
    """Build the component that `table["name"]` names, with the other entries as its settings.

    Raises:
        ValueError: no or an unknown name, an unknown setting, a wrong type, or a parameter out of its bounds.
    """
    kind = _named(registry, table, where)
    allowed, values = settings_of(kind), {}
    for key, value in table.items():
        if key == "name":
            continue
        if key not in allowed:
            raise ValueError(f"{where}.{key}: unknown setting of {table['name']}; there are: {', '.join(allowed)}")
        try:
            values[key] = msgspec.convert(value, allowed[key])
        except msgspec.ValidationError as error:
            raise ValueError(f"{where}.{key}: {error}") from None
    _check_bounds(kind, values, where)
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _check_bounds(kind: type, values: Mapping[str, Any], where: str) -> None:
    """A declared parameter must start within its bounds."""
    for field in fields(kind):
        declared = field.metadata.get("declaration")
        if declared is None or field.name not in values:
            continue
        value, low, high = values[field.name], declared.low, declared.high
        if (low is not None and value < low) or (high is not None and value > high):
            bounds = f"{'-inf' if low is None else low} to {'inf' if high is None else high}"
            raise ValueError(f"{where}.{field.name} is {value}; its bounds are {bounds}")


def with_defaults(registry: Mapping[str, type], table: Table, where: str) -> Table:
    """`table` with every setting of the component that it names, defaults included."""
    kind = _named(registry, table, where)
    allowed = settings_of(kind)
    defaults = {f.name: f.default for f in fields(kind) if f.name in allowed and f.default is not MISSING}
    return {"name": table["name"]} | defaults | table


def _named(registry: Mapping[str, type[Component]], table: Table, where: str) -> type[Component]:
    name = table.get("name")
    if not isinstance(name, str) or name not in registry:
        raise ValueError(f"{where}.name is {name!r}; there are: {', '.join(registry)}")
    return registry[name]


def resolve(
    table: Table,
    settings: Sequence[str],
    kind: type[Config],
    complete: Callable[[Table], Table],
    open_tables: Sequence[str] = (),
) -> Config:
    """From a raw table and `a.b=value` settings to a typed configuration.

    `complete` fills in the defaults of the components that a configuration names. A preset is laid over the table
    first, so that single settings win over it. Tables in `open_tables` are maps that take new keys.
    """
    name, chosen = str(table.get("preset", "")), False
    others = []
    for setting in settings:
        key, equals, value = setting.partition("=")
        if equals and key.strip() == "preset":
            name, chosen = value.strip().strip('"'), True
        else:
            others.append(setting)
    # The configuration of a run still names its preset, which lies over it already.
    laid = not chosen and "presets" not in table
    full = complete(_checked(table if laid else choose_preset(table, name), kind))
    for setting in others:
        assign(full, setting, open_tables)
        full = complete(_checked(full, kind))
    return decode(full, kind)


def _checked(table: Table, kind: type[Config]) -> Table:
    """`table` with all its defaults, known to have the form of `kind`."""
    return msgspec.to_builtins(decode(table, kind))


def to_table(config: msgspec.Struct) -> Table:
    """A configuration as a table that TOML can hold: entries without a value are left out."""
    return _without_none(msgspec.to_builtins(config))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    return [_without_none(inner) for inner in value] if isinstance(value, list | tuple) else value
