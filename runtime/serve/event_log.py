"""Events in an SQLite file that survives a power cut, or in memory."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError

APPLICATION = 0x67747A61
SCHEMA = 1
DAY = 86_400
UNITS = {"hour": "%Y-%m-%dT%H:00", "day": "%Y-%m-%d"}
LOCKED_SECONDS = 0.5
"""How long another program may hold the file; who listens waits meanwhile."""
PAGE = 500
"""Rows that are read at once."""
_TABLE = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, start REAL NOT NULL, end REAL NOT NULL, label TEXT NOT NULL,
    probability REAL NOT NULL, clip TEXT, confirmed TEXT
);
CREATE INDEX IF NOT EXISTS events_start ON events (start);
"""


@dataclass(frozen=True)
class LoggedEvent:
    """An event: seconds since 1970, the label, its mean probability, a clip's name, the label somebody confirmed."""

    id: int
    start: float
    end: float
    label: str
    probability: float
    clip: str | None
    confirmed: str | None


@dataclass(frozen=True)
class Selection:
    """Which events: of a label, from `since`, before `until`, with an id below `below`, that end after `ends_after`."""

    label: str | None = None
    since: float | None = None
    until: float | None = None
    below: int | None = None
    ends_after: float | None = None


class EventLog:
    """One connection, which threads use in turn. Every change is on the disk when its method returns."""

    def __init__(self, path: Path | None, keep_days: float = 0, limit_bytes: int = 0) -> None:
        """Open or make a file, or a log in memory; raise `UsageError` where the file is none of ours.

        Events older than `keep_days`, and the oldest where the file is larger than `limit_bytes`, are removed by
        `trim`; 0 is no limit.
        """
        self._path, self._days, self._limit, self._lock = path, keep_days, limit_bytes, threading.Lock()
        try:
            self._database = sqlite3.connect(
                path or ":memory:", LOCKED_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare(path)
        except sqlite3.Error as error:
            raise UsageError(f"--log {path}: cannot be used as an SQLite file ({error}): name another") from None
        self.trim()

    def _prepare(self, path: Path | None) -> None:
        run = self._database.execute
        tables = run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        header = run("PRAGMA application_id").fetchone()[0], run("PRAGMA user_version").fetchone()[0]
        if tables and header != (APPLICATION, SCHEMA):
            raise UsageError(f"--log {path}: another program's SQLite file, or another version's: name another")
        if not tables:
            run("PRAGMA auto_vacuum = INCREMENTAL")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")  # NORMAL may lose what was committed before a power cut
        run(f"PRAGMA application_id = {APPLICATION}")
        run(f"PRAGMA user_version = {SCHEMA}")
        self._database.executescript(_TABLE)

    def add(self, start: float, end: float, label: str, probability: float) -> int:
        """Add an event and return its id."""
        values = (start, end, label, probability)
        return self._change("INSERT INTO events (start, end, label, probability) VALUES (?, ?, ?, ?)", values)

    def change(self, event: int, start: float, end: float, probability: float) -> None:
        """Give an event other times and another mean probability."""
        values = (start, end, probability, event)
        self._change("UPDATE events SET start = ?, end = ?, probability = ? WHERE id = ?", values)

    def remove(self, event: int) -> None:
        """Remove an event."""
        self._change("DELETE FROM events WHERE id = ?", (event,))

    def set_clip(self, event: int, clip: str, confirmed: str | None = None) -> None:
        """Note where an event's clip is, and which label it is confirmed to have."""
        self._change("UPDATE events SET clip = ?, confirmed = ? WHERE id = ?", (clip, confirmed, event))

    def get(self, event: int) -> LoggedEvent | None:
        """Return an event, or None."""
        rows = self._rows("SELECT * FROM events WHERE id = ?", (event,))
        return LoggedEvent(*rows[0]) if rows else None

    def newest(self, selection: Selection, limit: int = PAGE) -> list[LoggedEvent]:
        """Return selected events, newest first."""
        where, values = _where(selection)
        rows = self._rows(f"SELECT * FROM events {where} ORDER BY id DESC LIMIT ?", (*values, limit))
        return [LoggedEvent(*row) for row in rows]

    def all(self, selection: Selection) -> Iterator[LoggedEvent]:
        """Yield selected events, newest first, reading a page at a time."""
        while page := self.newest(selection):
            yield from page
            selection = replace(selection, below=page[-1].id)

    def counts(self, unit: str, since: float) -> list[dict[str, Any]]:
        """Return how many events of each label start in each "hour" or "day" (local time), and their seconds."""
        rows = self._rows(
            "SELECT strftime(?, start, 'unixepoch', 'localtime') AS period, label, count(*), sum(end - start) "
            "FROM events WHERE start >= ? GROUP BY period, label ORDER BY period, label",
            (UNITS[unit], since),
        )
        return [
            {"period": period, "label": label, "events": count, "seconds": round(seconds, 3)}
            for period, label, count, seconds in rows
        ]

    def trim(self) -> None:
        """Remove what is too old or too much."""
        with self._lock:
            run = self._database.execute
            if self._days:
                run("DELETE FROM events WHERE end < ?", (time.time() - self._days * DAY,))
            while self._limit and self._bytes() > self._limit:
                run("DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT 1000)")
                if not run("SELECT 1 FROM events LIMIT 1").fetchone():
                    break
            self._database.executescript("PRAGMA incremental_vacuum")  # execute() would free one page
            run("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _bytes(self) -> int:
        pages, free, size = (
            self._database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def _change(self, statement: str, values: tuple[Any, ...]) -> int:
        try:
            with self._lock:
                return int(self._database.execute(statement, values).lastrowid or 0)
        except sqlite3.Error as error:
            raise OSError(0, f"cannot be written ({error})", str(self._path)) from None

    def _rows(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()


def _where(selection: Selection) -> tuple[str, list[Any]]:
    parts = {
        "label = ?": selection.label,
        "start >= ?": selection.since,
        "start < ?": selection.until,
        "id < ?": selection.below,
        "end > ?": selection.ends_after,
    }
    used = {text: value for text, value in parts.items() if value is not None}
    return ("WHERE " + " AND ".join(used) if used else ""), list(used.values())
