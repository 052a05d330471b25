"""AAC, WMA and the like, which libsndfile cannot read, decoded by an installed `ffmpeg` program."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path

from toolkit.errors import AudioError

SUFFIXES = frozenset({".m4a", ".m4b", ".mp4", ".aac", ".3gp", ".wma", ".webm", ".mka", ".ac3", ".amr"})
TIMEOUT_SECONDS = 300
MAX_BYTES = 800_000_000
"""More than 30 minutes of stereo at 48 kHz."""


def wanted(path: Path) -> bool:
    """Tell whether a file's name says that it needs ffmpeg."""
    return path.suffix.lower() in SUFFIXES


def decoded(path: Path, max_seconds: int) -> BytesIO:
    """Return at most `max_seconds` of the file's first sound track as a Sun AU file of 32-bit floats.

    Raises
    ------
    AudioError
        If ffmpeg is not installed, or cannot decode the file, or it is too large (`MAX_BYTES`).
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f"{path}: {path.suffix} files need ffmpeg, which is not installed; install it "
            "(on Debian or Raspberry Pi OS: sudo apt install ffmpeg) or convert the file to WAV or FLAC"
        )
    command = [program, "-nostdin", "-v", "error", "-xerror", "-protocol_whitelist", "file,pipe", "-i", f"file:{path}"]
    command += ["-map", "0:a:0", "-t", str(max_seconds), "-fs", str(MAX_BYTES)]
    command += ["-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise AudioError(f"{path}: ffmpeg did not finish within {TIMEOUT_SECONDS} seconds") from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise AudioError(f"{path}: ffmpeg cannot decode it ({lines[-1].strip() if lines else 'no reason given'})")
    if len(done.stdout) >= MAX_BYTES:
        raise AudioError(f"{path}: it decodes to more than {MAX_BYTES // 10**6} MB; cut it first")
    return BytesIO(done.stdout)
