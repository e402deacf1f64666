"""How tables and numbers are written."""


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; numbers to the right would need more than the plain form, so none is aligned."""
    if not rows:
        return "Not measured."
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def last_line(text: str) -> str:
    """The end of what a process wrote, in a form that does not break a table."""
    lines = text.strip().splitlines() or ["it said nothing"]
    return lines[-1].strip().replace("|", "/")
