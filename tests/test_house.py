"""The rules of the house that no linter knows."""

import ast
from pathlib import Path

import pytest

import metaplast
from metaplast.connections import CONNECTIONS
from metaplast.intrinsic import INTRINSIC
from metaplast.neurons import NEURONS
from metaplast.plasticity import PLASTICITY
from metaplast.surrogate import SURROGATES
from metaplast.tasks import FAMILIES

SOURCES = sorted(Path(metaplast.__file__).parent.rglob("*.py"))
ROOT = Path(__file__).parents[1]
EVERYTHING = [
    *SOURCES,
    *(path for name in ("bench", "examples", "tests") for path in sorted((ROOT / name).rglob("*.py"))),
]
REGISTRIES = (NEURONS, CONNECTIONS, PLASTICITY, INTRINSIC, SURROGATES, FAMILIES)
GEOMETRY = set(CONNECTIONS.values())
"""Connections are arithmetic, and arithmetic has no author."""


def trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text())) for path in SOURCES]


def test_there_is_something_to_check():
    assert len(SOURCES) > 30


def test_no_file_has_over_300_lines():
    assert {path.name: n for path in EVERYTHING if (n := len(path.read_text().splitlines())) > 300} == {}


def test_no_function_has_over_50_lines():
    """Its docstring and its signature apart: what counts is what must be understood at once."""
    long = {}
    for path in EVERYTHING:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                if lines > 50:
                    long[f"{path.name}:{node.name}"] = lines
    assert long == {}


def test_only_the_command_line_prints():
    calls = [
        f"{path.name}:{node.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        if path.parent.name != "cli"
    ]
    assert calls == []


def test_no_module_imports_torch_or_pickle():
    forbidden, found = {"torch", "pickle", "cloudpickle", "dill", "joblib"}, []
    for path, tree in trees():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names if name.split(".")[0] in forbidden]
        found += [path.name for word in ("allow_pickle=True",) if word in path.read_text()]
    assert found == []


@pytest.mark.parametrize("kind", sorted({k for registry in REGISTRIES for k in registry.values()}, key=str), ids=str)
def test_every_registered_component_says_what_it_is_and_where_it_is_from(kind):
    text = vars(kind).get("__doc__") or ""
    assert len(text) > 20
    words = ("Reference", "Sourced:", "sourced:", "Own")
    assert kind in GEOMETRY or any(word in text for word in words), f"{kind.__name__} names no source"


@pytest.mark.parametrize("name", metaplast.__all__)
def test_every_public_name_is_documented(name):
    found = getattr(metaplast, name)
    text = (vars(found).get("__doc__") if isinstance(found, type) else found.__doc__) or ""
    assert len(text) > 15, name
    assert not text.startswith(f"{name}("), f"{name} has only the docstring that a class makes for itself"


def test_public_names_are_sorted_and_unique():
    assert len(set(metaplast.__all__)) == len(metaplast.__all__)
