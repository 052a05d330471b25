"""The page about results, how far a run is, and what it did in the end."""

from __future__ import annotations

import html
import re
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from runtime.catalogue.open_store import writable_store
from runtime.catalogue.report import BINS, FAILURES, LEAST_SURE, figures_of, page
from runtime.catalogue.summary import ProgressLine, Summary, progress_text
from runtime.cli import entry
from tests.runtime.catalogue.library import ORIGIN, bad, row


def test_figures_count_every_row_once() -> None:
    silent = row("/s", label="silence", labels=(), confidence=None)
    rows = [row("/a", confidence=1.0), row("/b", confidence=0.0), row("/c", labels=("blues", "jazz\n")), silent]
    rows += [row("/u", label="unknown", labels=(), confidence=0.049), bad("/x"), bad("/y")]
    figures = figures_of(rows)
    assert (figures.files, figures.failed, round(figures.seconds, 3)) == (7, 2, 150.067)
    assert figures.labels == {"jazz\n": 3, "blues": 1, "silence": 1, "unknown": 1}
    assert figures.sure[0] == 2 and figures.sure[BINS // 2] == figures.sure[BINS - 1] == 1 and sum(figures.sure) == 4
    assert [row.file for row in figures.least_sure] == ["/b", "/u", "/c", "/a"]
    assert [row.file for row in figures.failures] == ["/x", "/y"] and figures.reasons.total() == 2


def test_few_of_many_rows_are_kept() -> None:
    count = 3 * FAILURES
    figures = figures_of(
        row(f"/{number:05}", confidence=(number * 7 % count) / count) if number % 2 else bad(f"/{number:05}")
        for number in range(2 * count)
    )
    assert len(figures.least_sure) == LEAST_SURE and len(figures.failures) == FAILURES and figures.failed == count
    sure = [row.confidence or 0.0 for row in figures.least_sure]
    assert sure == sorted(sure) and sure[-1] < 0.1
    assert f"and {count - FAILURES:,} more" in page(figures, "x")


class _Strict(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.sources += [value for name, value in attributes if name in ("src", "href") and value]
        if tag not in ("meta", "br", "line", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect"):
            assert self.open.pop() == tag


def test_the_page_is_whole_and_escapes_what_files_and_labels_are_called() -> None:
    odd = '/m/<script>alert(1)</script> & "x"\n#1?.wav'
    text = page(figures_of([row(odd, labels=("<b>",), probabilities={"<b>": 0.9}), bad("/m/<i>")]), "<title>")
    parser = _Strict()
    parser.feed(text)
    assert parser.open == [] and "<script" not in text and "<i>" not in text and "<b>" not in text
    address = "file:///m/%3Cscript%3Ealert%281%29%3C/script%3E%20%26%20%22x%22%0A%231%3F.wav"
    assert parser.sources == [address, address, "file:///m/%3Ci%3E"]
    assert "<strong>2 files</strong>, 0.0 hours of audio, 1 failed. Model net-float32 (000000000000...)" in text


def test_the_command_writes_the_page_beside_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.parquet"
    with writable_store(str(results), ORIGIN) as store:
        store.append([row("/a"), bad("/b")])
        store.append([row("/b")])
    assert entry(["catalogue", "report", f"{results}/"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'results.html'}: 2 files, 0 failed\n"
    text = (tmp_path / "results.html").read_text()
    assert "<strong>2 files</strong>" in text and len(re.findall("<audio ", text)) == 2 and "Failed" not in text
    assert html.unescape(text).count("/b") >= 2
    assert entry(["catalogue", "report", str(results), "--out", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text() == text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "nothing.parquet"], "there are no results"),
        (["report", "results.csv", "more.csv"], "a report is of one catalogue"),
        (["report", "results.csv", "--workers", "2"], "--workers is for a run"),
        (["report", "results.csv", "--out", "page.csv"], "use a name ending in .html"),
        (["."], "name it with --out"),
        ([".", "..", "--out", "r.csv"], "a catalogue is of one folder or list"),
        (["", "--out", "r.csv"], "name is empty"),
        ([".", "--out", "r.json"], "use a name ending in .parquet"),
        ([".", "--out", "nowhere/r.csv"], "there is no folder"),
        ([".", "--out", "r.csv", "--workers", "0"], "--workers is 0: give 1 to"),
        ([".", "--out", "r.csv", "--min-confidence", "2"], "--min-confidence is 2"),
        ([".", "--out", "r.csv", "--silence", "nan"], "--silence is nan"),
        ([".", "--out", "r.csv", "--hop", "1"], "--hop belongs to --events"),
        ([".", "--out", "r.csv", "--events", "--merge", "-1"], "--merge is -1"),
        ([".", "--out", "r.csv", "--events", "--hop", "-1"], "hop"),
        (["nowhere", "--out", "r.csv"], "no such file or folder"),
    ],
)
def test_misuse_is_one_sentence_and_leaves_nothing(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert entry(["catalogue", *words]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "using" not in line]
    assert message in line and list(tmp_path.iterdir()) == []


def test_progress_has_the_rate_the_failures_and_the_time_left() -> None:
    summary = Summary(classified=150, failed=50, unchanged=800)
    assert progress_text(summary, 3_000, 100.0) == "1,000 of 3,000 files, 50 failed, 2.0 a second, 0:16:40 left"
    assert progress_text(summary, None, 100.0) == "1,000 of ? files, 50 failed, 2.0 a second"
    resumed = Summary(classified=10, unchanged=100, known=900)
    assert progress_text(resumed, 1_000, 5.0) == "110 of 1,000 files, 0 failed, 2.0 a second, 0:00:45 left"
    assert progress_text(Summary(), 10, 0.0) == "0 of 10 files, 0 failed, 0.0 a second"


def test_progress_is_one_line_on_a_terminal_and_rare_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for terminal, texts in ((False, 2), (True, 60)):
        now[0] = 0.0
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        line = ProgressLine(lambda: 5)
        for second in range(61):
            now[0] = float(second)
            line.show(Summary(classified=1))
        line.clear()
        text = capsys.readouterr().err
        assert text.count("1 of 5 files") == texts and text.endswith("\r\033[K" if terminal else "left\n")
        assert text.count("\n") == (0 if terminal else texts)


def test_a_summary_counts_reasons_by_their_kind() -> None:
    summary = Summary(unchanged=7, seconds=10.0)
    summary.add(row("/a", duration=7_200.0))
    for number in range(3):
        summary.add(bad("/x").failed(f"truncated (after {number} bytes)"))
    summary.add_unreachable(FileNotFoundError(2, "No such file or directory", "/gone"))
    assert summary.lines("r.csv") == [
        "r.csv: 1 files classified, 3 failed, 7 unchanged",
        "2.0 hours of audio in 0:00:10, 720 times real time",
        "1 files and folders cannot be reached: the next run tries them again",
        "  3 x truncated",
        "  1 x No such file or directory",
        "failed files are kept with their reason; --retry-failed tries them again",
    ]
