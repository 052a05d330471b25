"""A checkpoint's tensors are read exactly, and nothing in it runs."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.errors import DatasetError
from train.backbones.torch_file import read_tensors


class _Storage:
    def __init__(self, kind: str, name: str, count: int) -> None:
        self.pid = ("storage", _Global("torch", kind), name, "cpu", count)


class _Global:
    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Writer(pickle._Pickler):
    """Writes the opcodes that PyTorch writes, without PyTorch."""

    write: Any

    def persistent_id(self, value: Any) -> Any:
        return value.pid if isinstance(value, _Storage) else None

    def save(self, value: Any, save_persistent_id: bool = True) -> Any:
        if isinstance(value, _Global):
            return self.write(f"c{value.module}\n{value.name}\n".encode())
        if isinstance(value, _Call):
            self.save(value.function)
            self.save(value.arguments)
            return self.write(pickle.REDUCE)
        return super().save(value, save_persistent_id)  # type: ignore[misc]


class _Call:
    def __init__(self, function: _Global, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments


REBUILD = _Global("torch._utils", "_rebuild_tensor_v2")


def _tensor(name: str, count: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> _Call:
    return _Call(REBUILD, _Storage("FloatStorage", name, count), offset, shape, strides, False, {})


def _checkpoint(path: Path, value: Any, entries: dict[str, bytes]) -> Path:
    stream = io.BytesIO()
    _Writer(stream, protocol=2).dump(value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", stream.getvalue())
        for name, data in entries.items():
            archive.writestr(f"archive/data/{name}", data)
    return path


VALUES = np.arange(12, dtype="<f4")


def test_tensors_have_their_shape_order_and_place(tmp_path: Path) -> None:
    value = {
        "rows": _tensor("0", 12, 0, (3, 4), (4, 1)),
        "transposed": _tensor("0", 12, 0, (4, 3), (1, 4)),
        "later": _tensor("0", 12, 5, (2,), (3,)),
        "scalar": _tensor("0", 12, 7, (), ()),
        "empty": _tensor("0", 12, 12, (0, 3), (3, 1)),
    }
    tensors = read_tensors(_checkpoint(tmp_path / "w.pt", value, {"0": VALUES.tobytes()}))
    np.testing.assert_array_equal(tensors["rows"], VALUES.reshape(3, 4))
    np.testing.assert_array_equal(tensors["transposed"], VALUES.reshape(3, 4).T)
    np.testing.assert_array_equal(tensors["later"], [5, 8])
    assert tensors["scalar"].item() == 7
    assert tensors["empty"].shape == (0, 3)


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (_tensor("0", 12, 0, (13,), (1,)), "outside"),
        (_tensor("0", 12, 11, (2,), (1,)), "outside"),
        (_tensor("0", 12, -1, (2,), (1,)), "outside"),
        (_tensor("0", 12, 0, (2,), (-1,)), "outside"),
        (_tensor("0", 12, 0, (2,), (1, 1)), "fit together"),
        (_tensor("absent", 12, 0, (2,), (1,)), "absent"),
        (_Call(_Global("os", "system"), "touch ran"), "os.system"),
        (_Call(_Global("builtins", "eval"), "open('ran', 'w')"), "builtins.eval"),
        (_Call(_Global("torch", "load"), "x"), "torch.load"),
        (_Call(_Global("torch._utils", "_rebuild_tensor"), 1), "_rebuild_tensor"),
        (3, "dictionary of tensors"),
    ],
)
def test_what_is_no_tensor_is_refused_and_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tensor: Any, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _checkpoint(tmp_path / "w.pt", {"x": tensor}, {"0": VALUES.tobytes()})
    with pytest.raises(DatasetError, match=reason) as caught:
        read_tensors(path)
    assert str(path) in str(caught.value)
    assert os.listdir(tmp_path) == ["w.pt"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive at all" * 100])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"w\.pt: not a file of PyTorch weights"):
        read_tensors(path)
    with pytest.raises(DatasetError, match="no such file"):
        read_tensors(tmp_path / "absent.pt")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_gives_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever byte is wrong: the tensors, or a `DatasetError`."""
    whole = _checkpoint(tmp_path / "w.pt", {"x": _tensor("0", 12, 0, (3, 4), (4, 1))}, {"0": VALUES.tobytes()})
    content = bytearray(whole.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path = tmp_path / "damaged.pt"
    path.write_bytes(content)
    try:
        tensors = read_tensors(path)
    except DatasetError as error:
        assert str(path) in str(error)
    else:
        assert all(isinstance(tensor, np.ndarray) for tensor in tensors.values())
