"""`python -m tests.mutants.run`: plant a sample of cosmic-ray's mutations in the core, and report which go unnoticed.

Mutants are written to copies of the tree under .cache/mutants, one per worker, never to the checkout. For each one the
mirrored test file runs first, then those that import the module, then its folder, without slow tests; at last the slow
tests of the mirrored file. Every outcome is kept at once: the same command goes on after an interruption, and tests
survivors again. docs/results/mutants.md is written at the end.
"""

from __future__ import annotations

import argparse
import json
import queue
import re
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.report.table import markdown
from tests.mutants.sampling import PACKAGES, Mutant, change, sample
from tests.mutants.tree import NO_TESTS, ROOT, Tree
from toolkit.files import write_text

WORK = ROOT / ".cache" / "mutants"
TABLE = ROOT / "docs" / "results" / "mutants.md"
EQUIVALENT = Path(__file__).with_name("equivalent.json")
"""Why mutants that survive change nothing that a caller could see, by "file: change"."""
KILLED, SURVIVED, TIMEOUT = "killed", "survived", "timeout"
HANGS = 10
"""Tests of a mutant that take so many times as long as without it hang."""
MAKE = (
    "import sys, pathlib; from tests.run_maker import made_artifacts; made_artifacts(pathlib.Path(sys.argv[1]), {!r})"
)


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant; `change` are the lines that differ, before and after."""

    mutant: Mutant
    change: str
    outcome: str
    seconds: float

    @property
    def reason(self) -> str | None:
        """Why a mutant that survives is equivalent; None where nobody has shown that it is."""
        reasons: dict[str, str] = json.loads(EQUIVALENT.read_text())
        return reasons.get(f"{self.mutant.path}: {self.change}")


Stage = tuple[str, tuple[str, ...]]
"""What pytest is to select by their marks, of which files and folders."""


def stages_of(path: str) -> list[Stage]:
    """Return what to run for a module, in turn, as the module's docstring says."""
    module = Path(path)
    folder, package = Path("tests") / module.parent, ROOT / "tests" / module.parts[0]
    dotted, parent = ".".join(module.with_suffix("").parts), ".".join(module.parent.parts)
    imported = re.compile(rf"\b{re.escape(dotted)}\b|from {re.escape(parent)} import .*\b{module.stem}\b")
    importing = [file for file in sorted(package.rglob("test_*.py")) if imported.search(file.read_text())]
    mirrored = [ROOT / folder / f"test_{module.stem}.py"]
    fast, slow = "not slow", "slow"
    stages = ((fast, mirrored), (fast, importing), (fast, [ROOT / folder]), (slow, mirrored))
    existing = [(marks, [str(file.relative_to(ROOT)) for file in files if file.exists()]) for marks, files in stages]
    return list(dict.fromkeys((marks, tuple(files)) for marks, files in existing if files))


class Session:
    """The outcomes so far, each a line of a file, and how long tests take where nothing is planted."""

    def __init__(self, file: Path, count: int, deadline: float) -> None:
        self._file, self._deadline, self._lock = file, deadline, threading.Lock()
        self._unmutated: dict[Stage, float] = {}
        self._trees: queue.Queue[Tree] = queue.Queue()
        self.trees = [Tree(WORK / f"tree-{number}", WORK / "made") for number in range(count)]
        for tree in self.trees:
            self._trees.put(tree)
        self.outcomes: dict[Mutant, Outcome] = {}
        self.first: dict[Mutant, Outcome] = {}
        for line in file.read_text().splitlines() if file.exists() else ():
            value = json.loads(line)
            mutant = Mutant(**value.pop("mutant"))
            self.outcomes[mutant] = Outcome(mutant, **value)
            self.first.setdefault(mutant, self.outcomes[mutant])

    def is_settled(self, mutant: Mutant) -> bool:
        """Return whether a mutant is known to be killed or equivalent; the code may have changed since, tests, too."""
        outcome, before = self.outcomes.get(mutant), (ROOT / mutant.path).read_text()
        if outcome is None or outcome.change != change(before, mutant.source(before)):
            return False
        return outcome.outcome != SURVIVED or outcome.reason is not None

    def test(self, mutant: Mutant) -> None:
        """Test a mutant and keep its outcome, unless the time is up."""
        tree = self._trees.get()
        try:
            if time.monotonic() < self._deadline:
                self._keep(self._outcome(tree, mutant))
        finally:
            self._trees.put(tree)

    def _outcome(self, tree: Tree, mutant: Mutant) -> Outcome:
        before = (tree.folder / mutant.path).read_text()
        after, start, outcome = mutant.source(before), time.monotonic(), SURVIVED
        for marks, tests in stages_of(mutant.path):
            limit = max(60.0, HANGS * self._seconds(tree, (marks, tests)))
            with tree.planted(mutant.path, after):
                code = tree.pytest(tests, "-m", marks, seconds=limit)
            if code == -signal.SIGKILL:  # by `Tree.stop`
                raise InterruptedError
            if code not in (0, NO_TESTS):
                outcome = TIMEOUT if code is None else KILLED
                break
        return Outcome(mutant, change(before, after), outcome, round(time.monotonic() - start, 1))

    def _seconds(self, tree: Tree, stage: Stage) -> float:
        """Return how long tests take without a mutant, with which they must pass."""
        if stage not in self._unmutated:
            start, (marks, tests) = time.monotonic(), stage
            if tree.pytest(tests, "-m", marks, seconds=1800) not in (0, NO_TESTS):
                raise SystemExit(f"{' '.join(tests)}: fails without a mutant: mend it first")
            self._unmutated[stage] = time.monotonic() - start
        return self._unmutated[stage]

    def _keep(self, outcome: Outcome) -> None:
        with self._lock, self._file.open("a") as file:
            self.outcomes[outcome.mutant] = outcome
            self.first.setdefault(outcome.mutant, outcome)
            file.write(json.dumps(asdict(outcome)) + "\n")
            print(f"{outcome.outcome:8} {outcome.seconds:5.0f} s  {outcome.mutant.path}: {outcome.change}", flush=True)


def report(outcomes: list[Outcome], first: list[Outcome], seed: int, sampled: int) -> str:
    """Return the table of modules and packages, and the lists of survivors, now and when they were first tested."""
    paths = sorted({one.mutant.path for one in outcomes})
    counts = [_counts(path, [one for one in outcomes if one.mutant.path == path]) for path in paths]
    for package in PACKAGES:
        counts.append(_counts(f"**{package}**", [one for one in outcomes if one.mutant.path.startswith(f"{package}/")]))
    headers = ("module", "mutants", "killed", "equivalent", "survived", "killed of those not equivalent")
    hanging = sum(one.outcome == TIMEOUT for one in outcomes)
    return f"""# Mutants

{len(outcomes)} of {sampled} sampled mutants were tested (`make mutants`, seed {seed}; cosmic-ray's operators, one
mutant per place) by the fast tests of the module's own test file, of those that import it and of its folder, and by the
slow ones of its own test file. {hanging} of those that count as killed made tests hang. Survivors got tests since they
were first tested: {_killed(first)} of {len(first)} killed at first says what the tests noticed, a new seed what
they notice now.

{markdown(headers, counts)}

## Survivors

{_survivors(outcomes)}

## Survivors when first tested

{_survivors(first)}
"""


def _killed(outcomes: list[Outcome]) -> int:
    return sum(one.outcome != SURVIVED for one in outcomes)


def _survivors(outcomes: list[Outcome]) -> str:
    rows = [
        (one.mutant.path, f"`{one.change}`", one.reason or "not equivalent")
        for one in sorted(outcomes, key=lambda one: one.mutant.path)
        if one.outcome == SURVIVED
    ]
    return markdown(("module", "change", "why"), rows) if rows else "None."


def _counts(name: str, outcomes: list[Outcome]) -> tuple[str, ...]:
    """Return a row of the table."""
    survivors = [one for one in outcomes if one.outcome == SURVIVED]
    equivalent = sum(one.reason is not None for one in survivors)
    killed = len(outcomes) - len(survivors)
    share = f"{killed / (len(outcomes) - equivalent):.0%}" if len(outcomes) > equivalent else "-"
    return (name, *map(str, (len(outcomes), killed, equivalent, len(survivors) - equivalent)), share)


def main() -> int:
    """Run the command; returns 1 where a mutant survives that is not equivalent."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.run", description=__doc__)
    add = parser.add_argument
    add("--seed", type=int, default=0, metavar="N", help="which sample (%(default)s)")
    add("--per-package", type=int, default=24, metavar="N", help="mutants per package (%(default)s)")
    add("--workers", type=int, default=2, metavar="N", help="at once (%(default)s)")
    add("--minutes", type=float, default=28, metavar="M", help="begin no mutant after these (%(default)s)")
    add("--afresh", action="store_true", help="forget what was tested before, instead of going on")
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    WORK.mkdir(parents=True, exist_ok=True)
    file = WORK / f"outcomes-{options.seed}.jsonl"
    if options.afresh:
        file.unlink(missing_ok=True)
    samples = [sample(package, options.seed, options.per_package) for package in PACKAGES]
    mixed = [one[at] for at in range(options.per_package) for one in samples if at < len(one)]
    session = Session(file, options.workers, deadline)
    if session.trees[0].python("-c", MAKE.format("gtzanet"), str(WORK / "made"), seconds=1800):
        raise SystemExit("the model files that tests share cannot be made: run the tests first")
    try:
        with ThreadPoolExecutor(options.workers) as pool:
            try:
                list(pool.map(session.test, [mutant for mutant in mixed if not session.is_settled(mutant)]))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            finally:
                for tree in session.trees:
                    tree.stop()
    except KeyboardInterrupt:
        print(f"interrupted: the same command goes on from {file}", file=sys.stderr)
        return 130
    outcomes = [session.outcomes[mutant] for mutant in mixed if mutant in session.outcomes]
    first = [session.first[outcome.mutant] for outcome in outcomes]
    write_text(TABLE, report(outcomes, first, options.seed, len(mixed)))
    return int(any(one.outcome == SURVIVED and one.reason is None for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
