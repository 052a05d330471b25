"""Save a Keras model so that equal models give equal bytes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import tf_keras

from toolkit.files import atomic_path

EPOCH = (1980, 1, 1, 0, 0, 0)


def save_model(model: tf_keras.Model, path: Path) -> None:
    """Write `model` as a `.keras` file without the time of writing in it, atomically."""
    with atomic_path(path) as temporary:
        draft = temporary.with_suffix(".draft.keras")
        try:
            model.save(draft, save_format="keras")
            with zipfile.ZipFile(draft) as source, zipfile.ZipFile(temporary, "w") as target:
                for name in sorted(source.namelist()):
                    data = source.read(name)
                    if name == "metadata.json":
                        data = json.dumps(
                            {"keras_version": json.loads(data)["keras_version"], "date_saved": ""}
                        ).encode()
                    target.writestr(zipfile.ZipInfo(name, EPOCH), data)
        finally:
            draft.unlink(missing_ok=True)
