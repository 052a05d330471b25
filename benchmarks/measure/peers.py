"""Programs of others in the same rounds as ours: librosa and matplotlib for the picture, and the usual engines.

Each is a process of its own that reads an order from a line and answers with one, so a query holds the time of a line
through two pipes, some hundredths of a millisecond.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from benchmarks.measure.fresh_process import FreshProcess, peak_memory
from benchmarks.measure.row import Row, row_name
from toolkit.artifact.card import Card
from toolkit.artifact.file import ONNX, TFLITE, file_format, read_card
from toolkit.data.run_folder import Run
from toolkit.error_text import last_line
from toolkit.errors import ArtifactError, EngineError, UsageError

SCRIPT = Path(__file__).parents[1] / "assets" / "usual.py"
PICTURE = ("librosa", "matplotlib")
"""What every one of them renders the picture with."""


@dataclass(frozen=True)
class Kind:
    """A program: its name, the engine that the script calls, what it imports besides `PICTURE`."""

    name: str
    engine: str
    module: str

    @property
    def lacking(self) -> list[str]:
        """Which libraries it needs that are not installed."""
        return [name for name in (*PICTURE, self.module) if importlib.util.find_spec(name) is None]


TF_KERAS = Kind("librosa + tf_keras", "tf_keras", "tf_keras")
PREDICT = Kind("librosa + savefig + predict", "tf_keras-predict", "tf_keras")
ONNX_RUNTIME = Kind("librosa + ONNX Runtime", "onnxruntime", "onnxruntime")
TENSORFLOW_LITE = Kind("librosa + TensorFlow Lite", "tensorflow-lite", "tensorflow")


@dataclass(frozen=True)
class Peer:
    """A program to start: what, with which model file and how many threads (or several), and our row beside it."""

    kind: Kind
    model: Path
    threads: int
    several: bool
    beside: str | None

    @property
    def program(self) -> str:
        """What stands in its row in the place of a model's file."""
        return f"{self.kind.name} ({self.model.name})"

    @property
    def name(self) -> str:
        """Its row's name."""
        return row_name(self.program, self.threads, self.several)

    @property
    def command(self) -> tuple[str, ...]:
        """What starts it, to which a clip is added to have one classified."""
        return (sys.executable, str(SCRIPT), self.kind.engine, str(self.model), str(self.threads))


class RunningPeer:
    """A program that runs, and has classified the clip once."""

    def __init__(self, peer: Peer, clip: Path, stack: ExitStack) -> None:
        """Start it and wait until it is ready; it ends with `stack`."""
        self.name, self.beside = peer.name, peer.beside
        self._peer, self._clip = peer, clip
        errors = TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - the stack closes it
        self._errors = stack.enter_context(errors)
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._errors}
        self._process = subprocess.Popen(peer.command, text=True, **pipes)
        self.pid = self._process.pid
        stack.callback(self._process.wait)
        stack.callback(self._process.kill)
        loaded, first = self._answer(), self._query(str(clip))
        peak = peak_memory(self._process.pid)
        self._fresh = FreshProcess(peak, first["seconds"], loaded["import_seconds"], loaded["load_seconds"])

    def file(self, number: int) -> None:
        """Classify the clip."""
        self._query(str(self._clip))

    def network(self, number: int) -> None:
        """Run the network on the last picture again."""
        self._query("")

    def row(self) -> Row:
        """Return its row, without its latency."""
        peer = self._peer
        return Row(
            file=peer.program,
            name=peer.name,
            size_bytes=peer.model.stat().st_size,
            precision="float32",
            engine=peer.kind.engine,
            threads=peer.threads,
            fresh=self._fresh,
        )

    def _query(self, order: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(order + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._broken() from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("{"):
            raise self._broken()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _broken(self) -> EngineError:
        self._process.kill()
        code = self._process.wait()
        self._errors.seek(0)
        last = last_line(self._errors.read(), f"exit code {code}")
        return EngineError(f"{self.name} failed ({last}): leave out --peers")


@contextmanager
def started(peers: Sequence[Peer], clip: Path) -> Iterator[list[RunningPeer]]:
    """Start programs, which end with the block; raise `EngineError` where one fails.

    Each kind classifies the clip once before it counts, so that it reads its libraries from a warm disk cache and finds
    its compiled code, as ours does after all the imports that come before it. Whatever comes of that, the run that
    counts reports a failure.
    """
    clip, silent = clip.absolute(), subprocess.DEVNULL
    for peer in {peer.kind: peer for peer in peers}.values():
        subprocess.run([*peer.command, str(clip)], stdin=silent, stdout=silent, stderr=silent)
    with ExitStack() as stack:
        yield [RunningPeer(peer, clip, stack) for peer in peers]


def peers_of(paths: Sequence[Path], run: Path | None, threads: Sequence[int]) -> list[Peer]:
    """Return the programs to time beside model files: each with the first float32 file that it can use.

    tf_keras loads the model of a run, beside the first float32 file that was exported from it. Raises `RunError` if
    there is no such run, or it is not finished; `UsageError` if no file is of that run.
    """
    cards: dict[Path, Card] = {}
    for path in paths:
        with contextlib.suppress(ArtifactError):  # the file's own row reports what is wrong
            cards[path] = read_card(path)
    fitting = {
        path: card for path, card in cards.items() if (card.precision, card.input_level) == ("float32", "picture")
    }
    chosen: list[tuple[Kind, Path, Path]] = []
    for kind, format in ((ONNX_RUNTIME, ONNX), (TENSORFLOW_LITE, TFLITE)):
        chosen += [(kind, path, path) for path in fitting if file_format(path) == format][:1]
    if run is not None:
        finished = Run.load(run)
        own = [path for path, card in fitting.items() if card.run_digest == finished.config["digest"]]
        if not own:
            raise UsageError(f"--run {run}: none of the model files is a float32 one of it: export it, and name that")
        chosen.append((TF_KERAS, finished.model_path, own[0]))
    return [
        Peer(kind, model, count, len(threads) > 1, row_name(beside, count, len(threads) > 1))
        for kind, model, beside in chosen
        for count in threads
    ]


def peer_notes(peers: Sequence[Peer], clip: str | None) -> list[str]:
    """Return what the programs of others are, and the commands that do the same with a clip, any where it is None."""
    if not peers:
        return []
    script = ["python", f"benchmarks/assets/{SCRIPT.name}"]
    return [
        "Programs of others, in the same rounds: librosa and matplotlib render a picture, the engine classifies it; "
        '"x float32" is beside our row of the same network in float32.',
        *(f"{peer.name}: `{shlex.join([*script, *peer.command[2:], clip or 'CLIP.wav'])}`" for peer in peers),
    ]
