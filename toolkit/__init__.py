"""What training, export, device and benchmarks share: the way from a file to a network's input, and the model file.

- `audio`: a file's samples, at one rate and mono.
- `frontend`: samples to a spectrogram to the network's input.
- `artifact`: one model file with its card.
- `data`: datasets, splits, caches, run folders, synthetic sounds.
- `measure`: metrics, temperature, latency, the machine.

The modules beside them serve all: the command line (`cli`, `command`), `errors`, `files`, `parallel`, `stopwatch`,
`dataclass_json` and `native_stderr`.
"""

from __future__ import annotations

__version__ = "0.1.0"
