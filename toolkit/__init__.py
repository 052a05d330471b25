"""What training, export, device and benchmarks share: the way from a file to a network's input, and the model file.

- `audio`: a file's samples, at one rate and mono.
- `frontend`: samples to a spectrogram to the network's input.
- `artifact`: one model file with its card.
- `data`: datasets, splits, caches, run folders, synthetic sounds.
- `measure`: metrics, temperature, latency, the machine.
- `page`: the look of every HTML page.

The modules beside them serve all:

- `cli`, `dataset_verb`, `command`, `completion`: the command line, and what a shell completes on it.
- `errors`, `error_text`, `streams`, `native_stderr`, `progress`: what a command writes for its user, and where.
- `files`, `dataclass_json`: files that are written whole, and dataclasses as JSON.
- `parallel`, `processors`, `stopwatch`: work on several threads, how many there may be, and its time.
"""

from __future__ import annotations

__version__ = "0.1.0"
