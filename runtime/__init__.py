"""Classify audio files on a device: one model file in, labels out.

- `classifier`, `prediction`: a model file as an object, and its result for a clip.
- `reading`: a sound to samples, also while the engine loads. `preprocess`: samples to the network's input.
- `engines`: LiteRT, tflite-runtime and ONNX Runtime behind one interface.
- `stream`: endless sound. `timeline`: when something sounds in a file.
- `catalogue`: a library of files to a table of results. `tags`: labels as genres in the files.
- `cli`, `arguments`, `classify`, `sources`, `output`: the command line, from files to lines.
- `doctor`, `trial`, `golden`, `sizes`: what works on this machine. `info`: a file's card as text.
- `embed`, `embed_arguments`: embeddings as arrays in a file.
- `attach`, `attach_arguments`: a card for a file from elsewhere.
- `default_model`, `pretrained`: the model that comes with the package. `startup`: a quick process.

>>> from runtime import Classifier
>>> Classifier.load("artifacts/gtzanet-int8.tflite").classify("song.wav").label  # doctest: +SKIP
'jazz'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.classifier import Classifier
    from runtime.prediction import Prediction, Window

__all__ = ["Classifier", "Prediction", "Window"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from runtime import classifier

        return getattr(classifier, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
