"""Sound files by libsndfile, which the package soundfile brings; that itself takes 10 ms to import, as it writes, too.

The functions are declared as in libsndfile's `sndfile.h`; NumPy has imported `ctypes` anyway.
"""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_int, c_int64, c_void_p
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from toolkit.audio.view import View

_READ, _LOG = 0x10, 0x1001
_LOG_BYTES = 1 << 14
_CONTAINERS = {0x04: "RAW", 0x20: "OGG", 0x23: "MP3"}


class SndfileError(Exception):
    """What libsndfile says about a file that it cannot read, and how many samples it decoded before."""

    def __init__(self, reason: str, samples: int = 0) -> None:
        super().__init__(reason)
        self.samples = samples


class _Info(ctypes.Structure):
    _fields_ = (
        ("frames", c_int64),
        *((name, c_int) for name in ("samplerate", "channels", "format", "sections", "seekable")),
    )


_Place = CFUNCTYPE(c_int64, c_void_p)
_Seek = CFUNCTYPE(c_int64, c_int64, c_int, c_void_p)
_Read = CFUNCTYPE(c_int64, c_void_p, c_int64, c_void_p)


class _VirtualIO(ctypes.Structure):
    _fields_ = (("length", _Place), ("seek", _Seek), ("read", _Read), ("write", c_void_p), ("tell", _Place))


def _library_name() -> str:
    """Return the library that lies beside the package soundfile, or the system's where it brings none."""
    spec = find_spec("soundfile")
    beside = Path(spec.origin or "").parent.glob("_soundfile_data/libsndfile*") if spec else iter(())
    if bundled := next(beside, None):
        return str(bundled)
    from ctypes.util import find_library  # not before: it is slow

    import soundfile  # noqa: F401 - it raises `OSError` where the system has none

    return find_library("sndfile") or "libsndfile.so.1"


def _library() -> ctypes.CDLL:
    """Return libsndfile with its functions declared."""
    library, info = ctypes.CDLL(_library_name()), POINTER(_Info)
    for name, result, arguments in (
        ("sf_open", c_void_p, (c_char_p, c_int, info)),
        ("sf_open_virtual", c_void_p, (POINTER(_VirtualIO), c_int, info, c_void_p)),
        ("sf_readf_float", c_int64, (c_void_p, c_void_p, c_int64)),
        ("sf_command", c_int, (c_void_p, c_int, c_void_p, c_int)),
        ("sf_error", c_int, (c_void_p,)),
        ("sf_error_number", c_char_p, (c_int,)),
        ("sf_close", c_int, (c_void_p,)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


_SNDFILE: Any = _library()
_OPENING = Lock()
"""Held while a file is opened, as libsndfile keeps the reason why one cannot be in one place for all threads."""


class SoundFile:
    """A sound that is read from its beginning to its end.

    Attributes
    ----------
    samplerate, channels, frames : int
        What its header states; `frames` are samples of all channels.
    format : str
        "RAW", "OGG", "MP3", or "" for another container.
    """

    doubts: tuple[str, ...] = ()

    def __init__(self, source: bytes | View) -> None:
        """Open a file by its name as the system has it, or a part of one; raise `SndfileError` where that fails."""
        info, self._source, self._handle = _Info(), source, None
        with _OPENING:
            if isinstance(source, bytes):
                self._handle = _SNDFILE.sf_open(source, _READ, info)
            else:
                self._callbacks = _callbacks(source)  # kept as long as the library calls them
                self._handle = _SNDFILE.sf_open_virtual(self._callbacks, _READ, info, None)
            self._check()
        self.samplerate, self.channels, self.frames = info.samplerate, info.channels, info.frames
        self.format = _CONTAINERS.get(info.format >> 16 & 0xFFF, "")

    def __enter__(self) -> SoundFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle:
            _SNDFILE.sf_close(self._handle)
            self._handle = None

    @property
    def source_ended(self) -> bool:
        """Whether all bytes of a `View` have been read."""
        return not isinstance(self._source, bytes) and self._source.ended

    @property
    def extra_info(self) -> str:
        """What libsndfile noted about the header."""
        text = ctypes.create_string_buffer(_LOG_BYTES)
        _SNDFILE.sf_command(self._handle, _LOG, text, _LOG_BYTES)
        return text.value.decode("utf-8", "replace")

    def read(self, frames: int) -> NDArray[np.float32]:
        """Return the next samples, shape (n, channels), at most `frames`; none at the end.

        Raise `SndfileError` where they cannot be decoded.
        """
        block = np.empty((frames, self.channels), np.float32)
        count = _SNDFILE.sf_readf_float(self._handle, block.ctypes.data, frames)
        self._check(count)
        return block[:count]

    def _check(self, samples: int = 0) -> None:
        if code := _SNDFILE.sf_error(self._handle):
            raise SndfileError(_SNDFILE.sf_error_number(code).decode("utf-8", "replace"), samples)


def _callbacks(view: View) -> _VirtualIO:
    """Return the functions by which libsndfile reads a view."""

    def length(_: Any) -> int:
        at, end = view.tell(), view.seek(0, 2)
        view.seek(at)
        return end

    def read(target: int, count: int, _: Any) -> int:
        data = view.read(count) or b""
        ctypes.memmove(target, data, len(data))
        return len(data)

    seek = _Seek(lambda offset, whence, _: view.seek(offset, whence))
    return _VirtualIO(_Place(length), seek, _Read(read), None, _Place(lambda _: view.tell()))
