"""The house stays in order: no import circle, no module or function that is too long to read at once."""

from __future__ import annotations

import ast
import graphlib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("toolkit", "runtime", "train", "export", "benchmarks")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULE_LINES, FUNCTION_LINES = 250, 50
LONG_MODULES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()


def test_no_module_imports_itself_around_others() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    edges = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(edges) > 150
    list(graphlib.TopologicalSorter(edges).static_order())  # raises CycleError, which names the circle


def test_modules_are_short() -> None:
    long = {str(path.relative_to(ROOT)) for path in MODULES if len(path.read_text().splitlines()) > MODULE_LINES}
    assert long == LONG_MODULES


def test_functions_are_short() -> None:
    long = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.add(f"{path.relative_to(ROOT)}:{node.name} {lines}")
    assert {name.partition(" ")[0] for name in long} == LONG_FUNCTIONS, long


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_says_what_is_in_it(package: str) -> None:
    for path in [ROOT / package, *(ROOT / package).rglob("*/")]:
        if not path.is_dir() or path.name in ("__pycache__", "assets", "pretrained"):
            continue
        text = ast.get_docstring(ast.parse((path / "__init__.py").read_text())) or ""
        names = {name.stem for name in path.glob("*.py")} - {"__init__", "__main__"}
        assert {name for name in names if f"`{name}`" not in text} == set(), path
