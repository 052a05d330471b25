"""The folder of a page: everything beside the model file that a browser needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from export.web.onnxruntime_web import ADDRESS, FILES, integrity
from export.write import Exported
from toolkit.errors import UsageError
from toolkit.files import write_bytes, write_json, write_text
from toolkit.page.document import stylesheet

INDEX, STYLE, CARD, LIST = "index.html", "page.css", "card.json", "files.json"
_ASSETS = Path(__file__).parent / "assets"


def refuse_foreign(folder: Path) -> None:
    """Raise `UsageError` where a folder has files of a page's names, and none of our pages wrote them."""
    with suppress(OSError, ValueError):
        listed = json.loads((folder / LIST).read_text(encoding="utf-8"))
        if isinstance(listed, dict) and {"model", *FILES} == set(listed):
            return
    for name in (INDEX, CARD, LIST, *sorted(path.name for path in _ASSETS.iterdir())):
        if (folder / name).exists():
            raise UsageError(f"--output {folder}: its {name} is not from an earlier page: name another folder")


def write_page(item: Exported, vendor: Mapping[str, bytes]) -> Path:
    """Write the page of an exported file into its folder; return the page's path.

    `vendor` holds the files of ONNX Runtime Web by name; where it is empty, the page loads them from their public
    address. The page itself is written last.
    """
    folder = item.path.parent
    for name, content in vendor.items():
        write_bytes(folder / name, content)
    model = {"name": item.path.name, "url": item.path.name, "integrity": integrity(item.path.read_bytes())}
    files: dict[str, dict[str, str | int]] = {"model": {**model, "bytes": item.size}}
    for purpose, (name, digest) in FILES.items():
        files[purpose] = {"name": name, "url": name if vendor else ADDRESS + name, "integrity": digest}
    write_json(folder / LIST, files)
    write_text(folder / CARD, item.card.to_json())
    for path in sorted(_ASSETS.iterdir(), key=lambda path: (path.name == INDEX, path.name)):
        text = path.read_text(encoding="utf-8")
        write_text(folder / path.name, stylesheet() + text if path.name == STYLE else text)
    return folder / INDEX
