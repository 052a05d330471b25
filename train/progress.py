"""Show how a training goes on: a live bar on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import statistics
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from train.data import Progress as State


class TrainingProgress:
    """A callable that `train.fit.fit` and the loaders report to; a context manager that cleans the terminal up."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.live = self.console.is_terminal
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=self.console, disable=not self.live)
        self.tasks: dict[str, TaskID] = {}
        self.last_note = time.monotonic()
        self.epoch_times: list[float] = []

    def __enter__(self) -> TrainingProgress:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def stop(self) -> None:
        """Leave the terminal to another process."""
        self.bar.stop()

    def steps(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` files are indexed or read."""
        self._show(what, done, total, f"{done}/{total} files")

    def notice(self, sentence: str) -> None:
        """Print a sentence."""
        if self.live:
            self.console.print(sentence, highlight=False, markup=False)
        else:
            print(sentence, file=sys.stderr, flush=True)

    def __call__(self, state: State) -> None:
        done = (state.epoch - 1) * state.steps + state.step
        note = f"epoch {state.epoch}/{state.epochs}, step {state.step}/{state.steps}, loss {state.loss:.4f}"
        self._show("training", done, state.epochs * state.steps, note)
        if state.finished is None:
            return
        entry = state.finished
        self.epoch_times.append(entry["seconds"])
        # The median of the last epochs: a laptop that slept through one does not spoil the estimate.
        left = (state.epochs - state.epoch) * statistics.median(self.epoch_times[-9:])
        names = {"loss": "loss", "accuracy": "accuracy", "val_loss": "validation loss"}
        names |= {"val_accuracy": "accuracy", "val_mAP": "mAP"}
        figures = ", ".join(f"{name} {entry[key]:.4f}" for key, name in names.items() if key in entry)
        line = (
            f"epoch {state.epoch}/{state.epochs}: {figures}, "
            f"rate {entry['learning_rate']:.2g}, {entry['seconds']:.1f} s, {left / 60:.0f} min left"
        )
        self.notice(line)

    def _show(self, what: str, done: int, total: int, note: str) -> None:
        if not self.live:
            return
        if what not in self.tasks:
            self.tasks[what] = self.bar.add_task(what, total=total, note=note)
        self.bar.update(self.tasks[what], completed=done, total=total, note=note)
