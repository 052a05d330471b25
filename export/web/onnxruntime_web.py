"""ONNX Runtime Web: the files of one release, each with its digest, on a public address or copied beside the page."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path

from toolkit.errors import RunError, UsageError

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
FILES = {
    "library": (
        "ort.wasm.bundle.min.mjs",
        "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
    ),
    "engine": (
        "ort-wasm-simd-threaded.wasm",
        "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
    ),
}
"""The name and the subresource integrity of what the page loads, by its purpose."""
ADDRESS = f"https://cdn.jsdelivr.net/npm/{PACKAGE}@{VERSION}/dist/"
NPM = Path("npm")
"""What `--vendor` without a value stands for."""


def integrity(content: bytes) -> str:
    """Return the digest of bytes as subresource integrity."""
    return f"sha384-{base64.b64encode(hashlib.sha384(content).digest()).decode()}"


def vendored(source: Path) -> dict[str, bytes]:
    """Return the files by name, from a folder that holds the package, or for `NPM` from npm.

    Raises `UsageError` where the folder lacks one or holds another release, `RunError` where npm fails.
    """
    if source != NPM:
        return {name: _checked(source, name, digest) for name, digest in FILES.values()}
    with tempfile.TemporaryDirectory(prefix="gtzanet-edge-") as folder:
        _unpack(Path(folder))
        return {name: _checked(Path(folder) / "package", name, digest) for name, digest in FILES.values()}


def _unpack(folder: Path) -> None:
    """Unpack the package into a folder."""
    hint = f"or name a folder that holds {PACKAGE} {VERSION}: --vendor DIR"
    command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    except FileNotFoundError:
        raise RunError(f"--vendor needs npm, which is not installed: install it, {hint}") from None
    except subprocess.TimeoutExpired:
        raise RunError(f"--vendor: npm did not answer in ten minutes: try again, {hint}") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise RunError(f"--vendor: npm failed ({lines[0]}): try again, {hint}")
    for archive in folder.glob("*.tgz"):
        with tarfile.open(archive) as package:
            package.extractall(folder, filter="data")


def _checked(folder: Path, name: str, digest: str) -> bytes:
    """Return a file of the package in a folder; raise `UsageError` where it is absent or another release's."""
    path = next((path for path in (folder / "dist" / name, folder / name) if path.is_file()), None)
    if path is None:
        raise UsageError(f"--vendor {folder}: holds no {name}: name the folder of {PACKAGE} {VERSION}")
    content = path.read_bytes()
    if integrity(content) != digest:
        raise UsageError(f"{path}: is not that of {PACKAGE} {VERSION}, or is damaged: unpack that release again")
    return content
