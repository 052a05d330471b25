"""The process: it hears standard input, ends when it is told to, and loses nothing when it is killed."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from runtime.classifier import Classifier
from runtime.serve import command
from runtime.serve.arguments import request
from runtime.serve.event_log import EventLog
from runtime.serve.listening import Ear
from tests.runtime.serve.conftest import RATE, arguments, noise
from tests.runtime.serve.processes import LISTENING, PATIENCE, serving, tone, wait_for
from toolkit.errors import UsageError


def test_sound_changes_what_the_stream_says() -> None:
    with serving(*LISTENING) as served:
        changes = served.changes()
        assert next(changes) == ("now", {"source": "waiting"})
        served.feed(noise(3))
        columns = next(value for name, value in changes if name == "columns")
        assert columns["first"] == 0 and columns["data"]
        assert next(value for name, value in changes if name == "now" and "state" in value)["state"] == "label"
        served.feed(np.zeros(3 * RATE, np.float32))
        assert next(value for name, value in changes if name == "now" and value.get("state") == "silence")
        served.process.stdin.close()
        assert next(value for name, value in changes if name == "now" and value["source"] == "ended")
        assert served.get("/healthz") == {"status": "no sound", "source": "ended"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_pages_are_open(number: signal.Signals) -> None:
    with serving(*LISTENING) as served:
        changes = [served.changes() for _ in range(3)]
        for stream in changes:
            next(stream)
        served.process.send_signal(number)
        assert served.process.wait(PATIENCE) == 0
        assert not [line for line in served.lines if "rror" in line]


def test_a_killed_process_leaves_every_event(tmp_path: Path) -> None:
    log = tmp_path / "sounds.sqlite"
    with serving(*LISTENING, "--log", str(log)) as served:
        for part in (noise(6), np.zeros(3 * RATE, np.float32), tone(6)):
            served.feed(part)
        wait_for(lambda: len(served.get("/api/events")["events"]) >= 2)
        served.feed(tone(5))
        reported = served.get("/api/events")["events"]
        served.process.kill()
        served.process.wait()
    database = sqlite3.connect(log)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = dict(database.execute("SELECT id, label FROM events"))
    database.close()
    assert {event["id"]: event["label"] for event in reported}.items() <= kept.items()
    again = EventLog(log)
    assert again._database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: a power cut loses no commit
    assert again._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    again.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--host", "0.0.0.0"], "others can reach it: set a token"),
        (["--port", "70000"], "--port is 70000"),
        (["--max-mb", "0"], "--max-mb is 0"),
        (["--keep-days", "nan"], "--keep-days is nan"),
        (["--keep", "KEEP", "--keep-mb", "1"], "--keep-mb is 1"),
        (["--log", "."], "--log .: a folder"),
        (["--log", "KEEP/other.sqlite"], "another program's SQLite file"),
        (["--log", "KEEP/text.sqlite"], "cannot be used as an SQLite file"),
        (["--stall", "3"], "--stall belongs to"),
        (["--device", "1"], "--device belongs to --listen"),
        (["--url", "pi.local"], "--url pi.local"),
        (["--token-file", "KEEP/none"], "cannot be read (No such file"),
        (["--host", "no.such.host.invalid"], "no address of this machine"),
        (["--stream", "--hop", "100"], "the hop is 100 s"),
    ],
)
def test_misuse_is_one_sentence(words: list[str], sentence: str, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE mine (a)")
    other.close()
    (tmp_path / "text.sqlite").write_text("this is no database, but text that is long enough to be read as one " * 20)
    words = [word.replace("KEEP", str(tmp_path)) for word in words]
    command = [sys.executable, "-m", "runtime", "serve", "--port", "0", *words]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    assert done.returncode == 2
    assert sentence in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_an_audio_file_on_standard_input_ends_it(sound: Path) -> None:
    with serving(*LISTENING) as served:
        with suppress(BrokenPipeError):
            served.process.stdin.write(sound.read_bytes())
        assert served.process.wait(PATIENCE) == 1
        wait_for(lambda: any("not raw samples" in line for line in served.lines))


def test_no_other_verb_imports_the_server() -> None:
    code = "import sys, runtime.cli, runtime.arguments, runtime.classify; runtime.cli.jobs().verbs['serve'].parser(); "
    code += "print([name for name in ('starlette', 'uvicorn', 'sqlite3') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_connection_without_a_request_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.serve import server as module
    from runtime.serve.live import Live
    from runtime.serve.replies import reply

    monkeypatch.setattr(module, "HEAD_SECONDS", 0.3)
    server = module.PageServer(reply({}), Live(1, 1.0, "off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            for words in (b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nG"):
                with socket.create_connection(listening.getsockname(), PATIENCE) as client:
                    client.sendall(words)
                    while client.recv(4096):
                        pass
        finally:
            server.should_exit = True
            thread.join()


def test_an_ear_that_dies_ends_the_server(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("no ear")

    monkeypatch.setattr(Ear, "listen", die)
    requested = request(arguments("--stream", "--rate", str(RATE), "--port", "0"))
    with pytest.raises(RuntimeError, match="no ear"), command.bound_socket(requested) as listening:
        command._serve(classifier, requested, listening, print)


def test_a_log_that_cannot_be_trimmed_now_is_trimmed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    class Locked(EventLog):
        def __init__(self) -> None:
            self.errors = iter((sqlite3.OperationalError("database is locked"), SystemExit()))

        def trim(self) -> None:
            raise next(self.errors)

    monkeypatch.setattr(command, "TRIM_SECONDS", 0)
    lines: list[str] = []
    with pytest.raises(SystemExit):
        command._trim(Locked(), lines.append)
    assert lines == ["the log is not trimmed now: database is locked"]


def test_of_two_that_start_at_once_one_is_refused() -> None:
    with command.bound_socket(request(arguments("--port", "0"))) as first:
        port = str(first.getsockname()[1])
        with pytest.raises(UsageError, match="in use"):
            command.bound_socket(request(arguments("--port", port)))
