"""A seeded sample of the mutations that cosmic-ray knows, over the pure-Python core."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutants.tree import ROOT

PACKAGES = {
    "toolkit": ("frontend", "artifact", "audio", "data", "measure"),
    "runtime": ("classifier.py", "output.py", "engines", "stream"),
    "export": ("options.py", "verify", "quantize"),
    "benchmarks": ("measure", "report", "studies/compare.py"),
    "train": ("config.py", "evaluate.py", "results.py", "schedule.py"),
}
UNUSED = ("core/NoOp", "core/ExceptionReplacer")
"""Operators that change nothing, or fail on names with dots."""


@dataclass(frozen=True)
class Mutant:
    """A place in a module where an operator of cosmic-ray applies; `occurrence` counts its places in the module."""

    path: str
    operator: str
    occurrence: int

    def source(self, before: str) -> str:
        """Return the module's source with the mistake in it."""
        mutated = mutate_code(before, plugins.get_operator(self.operator)(), self.occurrence)
        assert mutated is not None, self
        return str(mutated)


def modules(package: str) -> list[str]:
    """Return a package's modules that are mutated, as paths relative to the root."""
    places = [ROOT / package / place for place in PACKAGES[package]]
    files = [file for place in places for file in ([place] if place.suffix else sorted(place.rglob("*.py")))]
    return [str(file.relative_to(ROOT)) for file in files if file.name != "__init__.py"]


def mutants(path: str) -> list[list[Mutant]]:
    """Return a module's mutants by their place; annotations, which nothing evaluates, have none."""
    source = (ROOT / path).read_text()
    annotated = set(_annotated(ast.parse(source)))
    nodes, places = list(ast_nodes(get_ast(source))), dict[tuple[int, int], list[Mutant]]()
    for name in sorted(plugins.operator_names()):
        operator = plugins.get_operator(name)
        if operator.arguments() or name in UNUSED:
            continue
        positions = [start for node in nodes for start, _ in operator().mutation_positions(node)]
        for occurrence, start in enumerate(positions):
            if start not in annotated:
                places.setdefault(start, []).append(Mutant(path, name, occurrence))
    return [places[start] for start in sorted(places)]


def _annotated(tree: ast.AST) -> Iterator[tuple[int, int]]:
    """Yield every line and column inside an annotation."""
    for node in ast.walk(tree):
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if annotation is not None:
            for line in range(annotation.lineno, annotation.end_lineno + 1):
                first = annotation.col_offset if line == annotation.lineno else 0
                last = annotation.end_col_offset if line == annotation.end_lineno else 200
                yield from ((line, column) for column in range(first, last))


def sample(package: str, seed: int, count: int) -> list[Mutant]:
    """Return so many mutants of a package, each at another place; a larger sample begins with a smaller one."""
    rng = random.Random(f"{seed} {package}")
    places = [place for path in modules(package) for place in mutants(path)]
    rng.shuffle(places)
    return list(islice(filter(_compiles, map(rng.choice, places)), count))


def _compiles(mutant: Mutant) -> bool:
    """Return whether a mutant is Python: the stars before arguments are no multiplication."""
    try:
        compile(mutant.source((ROOT / mutant.path).read_text()), mutant.path, "exec")
    except SyntaxError:
        return False
    return True


def change(before: str, after: str) -> str:
    """Return the lines that differ, as "before -> after"."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    return " -> ".join(" ".join(map(str.strip, lines)) for lines in (old, new))
