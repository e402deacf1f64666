"""What does not fit in a configuration, in words that name the place and what may stand there."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

STEP = re.compile(r"\.([^.\[\]`]+)|\[(\d+|\.\.\.)\]")
"""A step of a path of msgspec's: a field, a place in a list, or some key of a dictionary, which it does not tell."""


class Place(NamedTuple):
    """A value in a configuration, and what it should be."""

    path: str
    kind: Any
    value: Any


def explained(error: msgspec.ValidationError, table: Any, kind: Any) -> str:
    """msgspec's "... - at `$.a[...].b`" as "a.key.b: ...", with the names that are permitted there."""
    text, _, path = str(error).partition(" - at `$")
    trail = [Place("", kind, table)]
    for name, index in STEP.findall(path):
        trail.append(_field(trail[-1], name) if name else _entry(trail[-1], index))
    if text.startswith("Invalid enum value"):
        names = [value for one in _options(trail[-1].kind) if get_origin(one) is Literal for value in get_args(one)]
    elif text.startswith("Invalid value") and len(trail) > 1:
        names = [one.__struct_config__.tag for one in _structs(trail[-2].kind)]
    elif text.startswith("Object contains unknown field"):
        unknown = text.partition("`")[2].rstrip("`")
        names = nearest_first(unknown, _fields(_struct(trail[-1])))
    else:
        names = []
    known = f"; there are: {', '.join(map(str, names))}" if names else ""
    return f"{trail[-1].path}: {text}{known}" if trail[-1].path else f"{text}{known}"


def nearest_first(name: str, known: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """All of `known`, those first that look like `name`."""
    return list(dict.fromkeys([*get_close_matches(name, known, n=3, cutoff=0.3), *known]))


def _field(place: Place, name: str) -> Place:
    value = place.value.get(name) if isinstance(place.value, Mapping) else None
    return Place(f"{place.path}.{name}".lstrip("."), _fields(_struct(place)).get(name, Any), value)


def _entry(place: Place, index: str) -> Place:
    """The entry of a list at an index, or the first of a dictionary that does not fit."""
    wanted = dict if index == "..." else list
    inner = next((get_args(one)[-1] for one in _options(place.kind) if get_origin(one) is wanted), Any)
    if index != "...":
        return Place(f"{place.path}[{index}]", inner, place.value[int(index)])
    for key, value in place.value.items():
        try:
            msgspec.convert(value, inner)
        except msgspec.ValidationError:
            return Place(f"{place.path}.{key}".lstrip("."), inner, value)
    return Place(f"{place.path}[...]", inner, None)


def _options(kind: Any) -> Iterator[Any]:
    """The members of a union, of which the bounds are of no interest here."""
    if get_origin(kind) is Annotated:
        yield from _options(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for inner in get_args(kind):
            yield from _options(inner)
    else:
        yield kind


def _structs(kind: Any) -> list[type[msgspec.Struct]]:
    return [one for one in _options(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct)]


def _struct(place: Place) -> type[msgspec.Struct] | None:
    """The one of several kinds of tables that a value is by its tag."""
    tags = place.value if isinstance(place.value, Mapping) else {}
    for one in _structs(place.kind):
        config = one.__struct_config__
        if config.tag is None or tags.get(config.tag_field) == config.tag:
            return one
    return None


def _fields(kind: type[msgspec.Struct] | None) -> dict[str, Any]:
    return {} if kind is None else {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
