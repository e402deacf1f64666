"""What the pages share: templates, pictures, and the words of provenance."""

import base64
from collections.abc import Iterable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from metaplast.analysis.tables import number

PAGE = "report.html"
"""Name of the page in the directory that it is about."""


def environment(*, escape: bool = True) -> Environment:
    """Templates of this package; `escape` for pages, not for plain text."""
    found = Environment(
        loader=PackageLoader("metaplast"),
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not escape,
    )
    found.filters["number"] = number
    return found


def data_uri(png: bytes) -> str:
    """A picture that a page carries in itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def flat(values: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Entries as text, a table of versions in one line."""
    for key, value in values.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {inner}" for name, inner in value.items())
        yield key.replace("_", " "), str(value)
