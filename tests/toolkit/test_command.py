"""What every command does with errors, signals and streams that are closed or go away."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.command import Jobs, Parser, Verb, dispatch, run
from toolkit.errors import RunError, UsageError

ROOT = Path(__file__).parents[2]
PRELUDE = "import sys; from toolkit.command import run\n"


def python(code: str, *, redirect: str = "", timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run code in another process, its streams redirected by a shell."""
    command = ["bash", "-c", f'"$0" -c "$1" {redirect}', sys.executable, PRELUDE + code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RunError("it broke"), 1, "it broke"),
        (UsageError("not so"), 2, "not so"),
        (OSError(28, "No space left on device", "x.bin"), 1, "x.bin: No space left on device"),
        (MemoryError("Unable to allocate 8 TiB"), 1, "not enough memory (Unable to allocate 8 TiB)"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_become_one_line_and_a_code(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(argv: object) -> int:
        raise error

    assert run("prog", fail) == code
    printed = capsys.readouterr().err
    assert message in printed and printed.count("\n") == 1 and printed.startswith("prog: ")


def test_messages_that_nobody_reads_stop_nothing(tmp_path: Path) -> None:
    code = (
        "def main(argv):\n"
        "    for n in range(30000): print('line', n, file=sys.stderr, flush=True)\n"
        f"    open({str(tmp_path / 'done')!r}, 'w').close()\n"
        "    return 3\n"
        "sys.exit(run('prog', main))"
    )
    done = python(code, redirect="2>&1 >/dev/null | head -1; echo ${PIPESTATUS[0]}")
    assert done.stdout == "line 0\n3\n"
    assert (tmp_path / "done").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_messages_that_nobody_can_write_stop_nothing() -> None:
    code = (
        "def main(argv):\n"
        "    for n in range(9000): print('line', n, file=sys.stderr, flush=True)\n"
        "    print('done')\n"
        "    return 3\n"
        "sys.exit(run('prog', main))"
    )
    assert python(code, redirect="2>/dev/full; echo $?").stdout == "done\n3\n"


def test_results_that_nobody_reads_end_the_work_in_silence() -> None:
    code = "def main(argv):\n    for n in range(100000): print('line', n)\n    return 0\nsys.exit(run('prog', main))"
    done = python(code, redirect="| head -1; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("line 0\n0\n", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_lose_output_and_nothing_else(tmp_path: Path, closed: str) -> None:
    target = tmp_path / "data"
    code = (
        "def main(argv):\n"
        f"    with open({str(target)!r}, 'w') as stream:\n"
        "        print('result'); print('note', file=sys.stderr); stream.write('kept')\n"
        "    return 0\n"
        "sys.exit(run('prog', main))"
    )
    assert python(code, redirect=closed).returncode == 0
    assert target.read_text() == "kept"


def test_any_text_can_be_printed_anywhere() -> None:
    code = "def main(argv):\n    print('\\u266b \\udcff')\n    return 0\nsys.exit(run('prog', main))"
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "\\u266b \\udcff\n")


def test_sigterm_cleans_up_and_says_so(tmp_path: Path) -> None:
    code = (
        "import time\nfrom pathlib import Path\nfrom toolkit.files import atomic_path\n"
        "def main(argv):\n"
        f"    with atomic_path(Path({str(tmp_path / 'file.bin')!r})) as path:\n"
        "        print('ready', flush=True); time.sleep(60)\n"
        "    return 0\n"
        "sys.exit(run('prog', main))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (143, "prog: terminated\n")
    assert list(tmp_path.iterdir()) == []


def package(folder: Path, cli: str) -> list[str]:
    """Write a package `slow` with this cli.py, and return the command that starts it."""
    (folder / "slow").mkdir()
    (folder / "slow" / "__init__.py").touch()
    (folder / "slow" / "cli.py").write_text(cli)
    path = f"import sys; sys.path[:0] = [{str(folder)!r}]"
    return [sys.executable, "-c", f"{path}; from toolkit.command import start; sys.exit(start('slow', 'all'))"]


def _hear_ctrl_c() -> None:
    """Undo what a shell does to the programs it runs in the background: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_while_the_imports_run_is_no_traceback(tmp_path: Path) -> None:
    command = package(tmp_path, "import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, preexec_fn=_hear_ctrl_c)
    assert process.stdout is not None and process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "python -m slow: interrupted\n")


def test_a_missing_package_names_the_extra(tmp_path: Path) -> None:
    done = subprocess.run(package(tmp_path, "import absent_library.part\n"), cwd=ROOT, capture_output=True, text=True)
    sentence = "slow needs absent_library, which is not installed (try: pip install 'gtzanet-edge[all]')"
    assert (done.returncode, done.stderr) == (1, f"python -m slow: error: {sentence}\n")


def verbs(calls: list[object]) -> dict[str, Verb]:
    def parser() -> Parser:
        parser = Parser(prog="prog matrix")
        parser.add_argument("--count", type=int, default=1)
        return parser

    def work(arguments: argparse.Namespace) -> int:
        calls.append((arguments.count, arguments.command))
        return 7

    return {"matrix": Verb("a table", parser, work), "doctor": Verb("a check", parser, work)}


def default(calls: list[object]) -> Verb:
    def parser() -> Parser:
        parser = Parser(prog="prog")
        parser.add_argument("files", nargs="*")
        return parser

    def work(arguments: argparse.Namespace) -> int:
        calls.append(arguments.files)
        return 0

    return Verb("", parser, work)


def test_the_first_word_chooses_the_job() -> None:
    calls: list[object] = []
    assert dispatch("prog", Jobs(verbs(calls), default(calls)), ["matrix", "--count", "3"]) == 7
    assert dispatch("prog", Jobs(verbs(calls), default(calls)), ["a b.wav", "matrix"]) == 0
    assert calls == [(3, "prog matrix --count 3"), ["a b.wav", "matrix"]]


def test_help_lists_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    for usual in (default([]), None):
        with pytest.raises(SystemExit) as stopped:
            dispatch("prog", Jobs(verbs([]), usual), ["--help"])
        assert stopped.value.code == 0
        assert "verbs (prog VERB --help):\n  matrix  a table\n  doctor  a check\n" in capsys.readouterr().out


def test_a_mistyped_verb_names_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for word in ("docter", "Matrix", "matrx"):
        with pytest.raises(UsageError, match="did you mean (doctor|matrix)"):
            dispatch("prog", Jobs(verbs([]), default([])), [word])
    (tmp_path / "matrx").touch()  # a file of that name is what is meant
    calls: list[object] = []
    assert dispatch("prog", Jobs(verbs([]), default(calls)), ["matrx"]) == 0
    assert dispatch("prog", Jobs(verbs([]), default(calls)), ["matrix.wav"]) == 0
    assert calls == [["matrx"], ["matrix.wav"]]


@pytest.mark.parametrize(("words", "message"), [([], "a verb is missing"), (["song"], "song: no such verb")])
def test_without_a_default_a_verb_is_needed(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=f"{message}: name one of matrix, doctor"):
        dispatch("prog", Jobs(verbs([]), None), words)
