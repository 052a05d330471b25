"""Published weights are found, fetched once and resumed, and never used unless they are those."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from toolkit.errors import DatasetError
from train.backbones import weights as module
from train.backbones.weights import MN04, Weights, cached, fetch, identify, locate, provide

CONTENT = bytes(range(256)) * 1024


@dataclass
class Server:
    """A web server on this machine that serves one file, as often as it is asked, in parts."""

    content: bytes = CONTENT
    ranges: bool = True
    stop_after: int | None = None
    requests: list[str] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            byte_range = self.headers.get("Range", "")
            state.requests.append(byte_range)
            first = int(byte_range.removeprefix("bytes=").rstrip("-")) if byte_range and state.ranges else 0
            body = state.content[first:]
            self.send_response(206 if byte_range and state.ranges else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.stop_after])

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        state.address = f"http://127.0.0.1:{http.server_port}/w.pt"
        yield state
        http.shutdown()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GTZANET_BACKBONES", raising=False)
    return tmp_path


class Silent:
    """Hears of a download, and says nothing."""

    def notice(self, sentence: str) -> None: ...

    def steps(self, what: str, done: int, total: int) -> None: ...


def _weights(server: Server) -> Weights:
    return Weights("w.pt", server.address, len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "MIT", "a test")


def test_a_download_is_whole_and_found_again(server: Server) -> None:
    weights, seen = _weights(server), list[tuple[int, int]]()
    assert locate([weights]) is None
    path = fetch(weights, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert locate([weights]) == (path, weights) and path == cached(weights)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [file.name for file in path.parent.iterdir()] == ["w.pt"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_goes_on_where_it_stopped(server: Server, ranges: bool) -> None:
    weights = _weights(server)
    server.stop_after = 100_000
    with pytest.raises(DatasetError, match="cannot be fetched") as caught:
        fetch(weights, lambda *_: None)
    assert weights.address in str(caught.value)
    assert str(cached(weights).parent) in str(caught.value)
    assert locate([weights]) is None
    server.stop_after, server.ranges = None, ranges
    assert fetch(weights, lambda *_: None).read_bytes() == CONTENT
    assert server.requests == ["", "bytes=100000-"]


def test_another_file_at_the_address_is_not_kept(server: Server) -> None:
    weights = _weights(server)
    server.content = CONTENT[::-1]
    with pytest.raises(DatasetError, match="holds another file"):
        fetch(weights, lambda *_: None)
    assert not list(cached(weights).parent.iterdir())


def test_offline_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = replace(MN04, address="http://127.0.0.1:9/mn04.pt")
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 2.0)
    with pytest.raises(DatasetError, match=r"mn04_as_mAP_432\.pt cannot be fetched \(.*\): run the same command again"):
        fetch(weights, lambda *_: None)


def test_a_named_file_and_the_variable_come_before_the_cache(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = _weights(server)
    folder = tmp_path / "copies"
    folder.mkdir()
    (folder / "w.pt").write_bytes(CONTENT)
    monkeypatch.setenv("GTZANET_BACKBONES", str(folder))
    assert locate([weights]) == (folder / "w.pt", weights)
    (folder / "mine.pt").write_bytes(CONTENT)
    assert locate([weights], folder / "mine.pt") == (folder / "mine.pt", weights)
    with pytest.raises(DatasetError, match=r"absent\.pt: no such file"):
        locate([weights], folder / "absent.pt")


def test_one_of_several_forms_is_identified_by_its_content(tmp_path: Path, server: Server) -> None:
    first = _weights(server)
    second = replace(first, digest=hashlib.sha256(CONTENT[::-1]).hexdigest(), origin="another form")
    path = tmp_path / "own.pt"
    path.write_bytes(CONTENT[::-1])
    assert locate([first, second], path) == (path, second)
    assert provide([first, second], path, Silent()).weights == second
    assert locate([second]) == (cached(second), second)
    with pytest.raises(DatasetError, match=r"not w\.pt"):
        locate([first], path)


@pytest.mark.parametrize(
    ("content", "reason"), [(CONTENT[:-1], "262,143 bytes, not 262,144"), (CONTENT[::-1], "its SHA-256 is another")]
)
def test_another_file_is_refused_by_name(tmp_path: Path, server: Server, content: bytes, reason: str) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=reason) as caught:
        identify(path, [_weights(server)])
    assert str(path) in str(caught.value)


def test_the_pinned_file_is_the_published_one(backbones: Path) -> None:
    assert identify(backbones / MN04.file, [MN04]) == MN04
