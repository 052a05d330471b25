"""Each planted mistake is noticed by its test, and the mutation run's parts do what it says."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.mutants.planted import MISTAKES, Mistake
from tests.mutants.tree import ROOT, Tree
from tests.run_maker import made_artifacts

WORKERS = 2
SECONDS = 120
FAILED = 1
"""pytest's exit code where tests ran and one failed."""


def test_each_text_is_in_its_file_once() -> None:
    assert len(set(MISTAKES)) == len(MISTAKES) >= 30
    moved = [one for one in MISTAKES if (ROOT / one.file).read_text().count(one.text) != 1]
    assert moved == [], "change the list with the code"


@pytest.mark.slow
def test_each_mistake_is_noticed(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    artifacts = made_artifacts(tmp_path_factory.getbasetemp(), "gtzanet").parents[1]
    trees: queue.Queue[Tree] = queue.Queue()
    for number in range(WORKERS):
        trees.put(Tree(tmp_path / str(number), artifacts))

    def exit_code(mistake: Mistake | None) -> int | None:
        """Return pytest's exit code for a mistake's test; for None that of all of them with nothing planted."""
        tree = trees.get()
        try:
            if mistake is None:
                return tree.pytest(sorted({one.test for one in MISTAKES}), seconds=SECONDS * len(MISTAKES))
            content = (tree.folder / mistake.file).read_text().replace(mistake.text, mistake.replacement)
            with tree.planted(mistake.file, content):
                return tree.pytest([mistake.test], seconds=SECONDS)
        finally:
            trees.put(tree)

    with ThreadPoolExecutor(WORKERS) as pool:
        intact, *codes = pool.map(exit_code, (None, *MISTAKES))
    assert intact == 0, "the tests must pass where nothing is planted"
    assert [(one, code) for one, code in zip(MISTAKES, codes, strict=True) if code != FAILED] == []
