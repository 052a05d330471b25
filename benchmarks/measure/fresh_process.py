"""What one classification needs from a fresh process: peak memory, and the time from the first import to the label."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from toolkit.error_text import last_line
from toolkit.errors import EngineError

CHILD = """import time
start = time.perf_counter()
import sys
from benchmarks.measure.fresh_process import classify_once
sys.stdout.write(classify_once(start, *sys.argv[1:]))"""


@dataclass(frozen=True)
class FreshProcess:
    """A process that loads a model and classifies a clip: peak resident bytes (None off Linux), seconds to the label.

    Of these, `import_seconds` pass until everything but the engine is imported, `load_seconds` until the model is
    loaded, the rest on the clip.
    """

    peak_bytes: int | None
    seconds: float
    import_seconds: float
    load_seconds: float


def measure_fresh(model: Path, clip: Path, threads: int, engine: str | None = None) -> FreshProcess:
    """Classify `clip` in a new Python process and return its costs; raise `EngineError` if the process fails."""
    result = run_python(CHILD, str(model), str(clip), str(threads), engine or "")
    if result.returncode:
        last = last_line(result.stderr, f"exit code {result.returncode}")
        raise EngineError(f"{model}: a fresh process cannot classify {clip} with it: {last}")
    return FreshProcess(**json.loads(result.stdout))


def child_environment() -> dict[str, str]:
    """Return the environment of a Python process that imports these packages from wherever they are.

    It may write bytecode: a process that compiles every module again takes a third longer than an installed one.
    """
    paths = [str(Path(__file__).resolve().parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new Python process, and return its exit code and what it wrote."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=child_environment(), capture_output=True, text=True)


def classify_once(start: float, model: str, clip: str, threads: str, engine: str) -> str:
    """Classify one clip and return this process's costs as JSON: the child's whole work.

    `start` is when the child's first line ran, as other programs are timed from their first line, too.
    """
    from runtime.classifier import Classifier

    imported = time.perf_counter()
    classifier = Classifier.load(Path(model), engine=engine or None, threads=int(threads))
    loaded = time.perf_counter()
    classifier.classify(Path(clip))
    done = time.perf_counter()
    fresh = FreshProcess(peak_memory(), done - start, imported - start, loaded - imported)
    return json.dumps(asdict(fresh))


def peak_memory(process: int | str = "self") -> int | None:
    """Return a process's highest resident memory in bytes since it began, or None where there is no /proc.

    psutil reports only what is resident now. `getrusage` is no use either: its maximum survives `exec`, so a child's
    starts at the size of its parent.
    """
    status = Path(f"/proc/{process}/status")
    kilobytes = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(kilobytes[1]) * 1024 if kilobytes else None
