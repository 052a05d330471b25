"""The page and its files, read once."""

from __future__ import annotations

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from runtime.serve.replies import Refusal
from toolkit.page.document import stylesheet

TYPES = {
    "index.html": "text/html; charset=utf-8",
    "api.html": "text/html; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "api.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
}


class Page:
    """Serves the files in `TYPES` and no others."""

    def __init__(self) -> None:
        folder = files("runtime.serve") / "assets"
        self._contents = {name: (folder / name).read_bytes() for name in TYPES}
        self._contents["style.css"] = stylesheet().encode()

    def index(self, request: Request) -> Response:
        """Return the page."""
        return self._file("index.html")

    def api(self, request: Request) -> Response:
        """Return the page about the API."""
        return self._file("api.html")

    def asset(self, request: Request) -> Response:
        """Return a file of the page."""
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        if name not in self._contents:
            raise Refusal(404, "there is no such page")
        return Response(
            self._contents[name], media_type=TYPES.get(name, TYPES["page.css"]), headers={"Cache-Control": "no-cache"}
        )
