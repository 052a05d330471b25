"""The folder of a page: everything beside the model file that a browser needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from export.web.onnxruntime_web import ADDRESS, FILES, integrity
from export.write import Exported
from toolkit.files import write_bytes, write_json, write_text
from toolkit.page.document import stylesheet

INDEX, STYLE = "index.html", "page.css"
_ASSETS = Path(__file__).parent / "assets"


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
    write_json(folder / "files.json", files)
    write_text(folder / "card.json", item.card.to_json())
    for path in sorted(_ASSETS.iterdir(), key=lambda path: (path.name == INDEX, path.name)):
        text = path.read_text(encoding="utf-8")
        write_text(folder / path.name, stylesheet() + text if path.name == STYLE else text)
    return folder / INDEX
