"""AAC, WMA and the like, which libsndfile cannot read, decoded by an installed `ffmpeg` program."""

from __future__ import annotations

import shutil
import struct
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import AudioError, NoSoundError

_MARKED = "mov,mp4,m4a,3gp,3g2,mj2,asf,matroska,webm,avi,flv,mpegts,mpeg,wav,w64,aiff,caf,ogg,flac,ape,wv,tta"
_MARKED += ",nut,rm,swf,voc,sox,wtv,adx"
"""What begins with a mark of its own. A playlist is not among them: it would name other files."""
_FORMATS = f"{_MARKED},aac,ac3,eac3,amr,amrnb,amrwb,loas,latm,mp3,dts,mlp,truehd,gsm,sbc,g722"
"""With the streams that have no mark."""
TIMEOUT_SECONDS = 300
_HEADER = struct.Struct(">4sIIIII")
_FLOAT = 6
_ENDLESS = 0x7FFFFFFF
_CUT_SHORT = ("ended prematurely", "partial file")


class Decoded:
    """A file's first sound track, or so many seconds of it, block by block.

    It has what `toolkit.audio.blocks` uses of a `SoundFile`, and `frames` is as of a file of unknown length.

    Raises
    ------
    AudioError
        If ffmpeg is not installed, or cannot decode the file, or not in time; the latter while it is read, too.
    """

    format = "AU"
    extra_info = ""
    frames = _ENDLESS

    def __init__(
        self,
        path: Path,
        max_seconds: int | None,
        part: tuple[int, int] | None = None,
        states_length: bool = True,
        marked: bool = False,
    ) -> None:
        """Start ffmpeg, and read the header of the Sun AU file that it writes to a pipe.

        Parameters
        ----------
        path
            The file.
        max_seconds
            The most that is decoded; None for all.
        part
            The first byte and the one after the last, where not all of the file is read.
        states_length
            Whether damage and a missing end are errors; they are `doubts` otherwise.
        marked
            Leave out the formats that have no mark of their own, which any bytes may seem to be.
        """
        command = _command(path, max_seconds, part, states_length, marked)
        self._path, self._states_length = path, states_length
        self.doubts: tuple[str, ...] = ()
        process: Any = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._process = process
        self._messages = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._late = False
        self._set_timer()
        try:
            header = self._process.stdout.read(_HEADER.size)
            if len(header) < _HEADER.size:
                self._check_end()
                raise AudioError(f"{path}: ffmpeg cannot decode it (nothing comes out)")
            magic, start, _, encoding, self.samplerate, self.channels = _HEADER.unpack(header)
            if (magic, encoding) != (b".snd", _FLOAT):
                raise AudioError(f"{path}: ffmpeg wrote another format than the one requested: install another version")
            self._process.stdout.read(start - _HEADER.size)
        except BaseException:
            self.close()
            raise

    def read(self, frames: int) -> NDArray[np.float32]:
        """Return the next samples, shape (n, channels), at most `frames`; none at the end."""
        size = 4 * self.channels
        if time.monotonic() > self._renewal:
            self._timer.cancel()
            self._set_timer()
        data = self._process.stdout.read(frames * size)
        if len(data) < frames * size:
            self._check_end()
        whole = len(data) - len(data) % size
        return np.frombuffer(data[:whole], ">f4").astype(np.float32).reshape(-1, self.channels)

    def close(self) -> None:
        """End ffmpeg, wherever it is."""
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdout, self._process.stderr):
            stream.close()

    def __enter__(self) -> Decoded:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _set_timer(self) -> None:
        """Give ffmpeg its time from now on; a long recording's is renewed as its samples come."""
        self._renewal = time.monotonic() + TIMEOUT_SECONDS / 2
        self._timer = threading.Timer(TIMEOUT_SECONDS, self._stop)
        self._timer.daemon = True
        self._timer.start()

    def _listen(self) -> None:
        self._messages = self._process.stderr.read()

    def _stop(self) -> None:
        self._late = True
        self._process.kill()

    def _check_end(self) -> None:
        """Raise `AudioError` unless ffmpeg decoded the whole file."""
        code = self._process.wait()
        self._listener.join()
        if self._late:
            raise AudioError(f"{self._path}: ffmpeg decoded nothing for {TIMEOUT_SECONDS} seconds")
        text = self._messages.decode("utf-8", "replace").strip()
        last = text.splitlines()[-1].strip() if text else "no reason given"
        if code != 0:
            last = "its content is not what its name says" if "whitelist" in text else last
            if "does not contain any stream" in text:
                raise NoSoundError(f"{self._path}: there is no sound in it, only pictures; name another file")
            raise AudioError(f"{self._path}: ffmpeg cannot decode it ({last})")
        if text and not self._states_length:
            self.doubts = (f"ffmpeg could not decode all of it ({last}): it may be damaged or have been cut",)
        elif any(words in text.lower() for words in _CUT_SHORT):
            raise AudioError(f"{self._path}: the file is truncated; copy it again")


def _command(
    path: Path, max_seconds: int | None, part: tuple[int, int] | None, states_length: bool, marked: bool
) -> list[str]:
    """Return the command line; raise `AudioError` where there is no ffmpeg."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{path}: its content needs ffmpeg, which is not installed; install it "
            "(on Debian or Raspberry Pi OS: sudo apt install ffmpeg) or convert the file to WAV or FLAC"
        )
    source = f"subfile,,start,{part[0]},end,{part[1]},,:{path.absolute()}" if part else f"file:{path}"
    command = [program, "-nostdin", "-v", "error", "-protocol_whitelist", "file,pipe,subfile"]
    command += ["-xerror"] if states_length else []
    command += ["-format_whitelist", _MARKED if marked else _FORMATS, "-i", source]
    command += ["-vn", "-sn", "-dn", *(["-t", str(max_seconds)] if max_seconds else [])]
    return [*command, "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
