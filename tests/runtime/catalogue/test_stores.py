"""Every store returns the rows that went in, the last one of a file, and refuses what is not its own."""

from __future__ import annotations

import csv
import errno
import fcntl
import json
import os
import sqlite3
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from runtime.catalogue.open_store import existing_store, store_at, writable_store
from runtime.catalogue.parquet import MANY_PARTS
from runtime.catalogue.row import COLUMNS, SCHEMA, Origin, Settings, file_name, path_of
from runtime.catalogue.store import superseded
from tests.runtime.catalogue.library import LABELS, ORIGIN, STORES, bad, row, rows_of
from toolkit.errors import CatalogueError, UsageError


@pytest.fixture(params=STORES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def written(path: Path, *groups: list[Any]) -> Path:
    for group in groups:
        with writable_store(str(path), ORIGIN) as store:
            store.append(group)
    return path


def test_rows_come_back_as_they_went_in(path: Path) -> None:
    rows = [row('/a/ü, "x"\n.wav'), row("/b", events=None, warnings=(), label="unknown", labels=()), bad("/c")]
    written(path, rows[:2], rows[2:])
    assert rows_of(path) == {row.file: row for row in rows}


def test_the_last_row_of_a_file_counts_before_and_after_tidying(path: Path) -> None:
    written(path, [row("/a"), bad("/b"), row("/c")], [row("/b"), row("/a", size=1)], [row("/b", size=2)])
    expected = {"/a": 1, "/b": 2, "/c": 12_345}
    assert {name: row.size for name, row in rows_of(path).items()} == expected
    with writable_store(str(path), ORIGIN) as store:
        store.tidy()
        assert sorted(entry.file for entry in store.entries()) == ["/a", "/b", "/c"]
        store.append([row("/d")])
    assert {name: row.size for name, row in rows_of(path).items()} == {**expected, "/d": 12_345}


@given(st.lists(st.sampled_from("abcd")))
def test_a_row_is_superseded_by_any_later_one_of_its_file(files: list[str]) -> None:
    assert superseded(files).tolist() == [name in files[at + 1 :] for at, name in enumerate(files)]


def test_rows_of_another_model_or_of_other_settings_are_not_mixed_in(path: Path) -> None:
    written(path, [row("/a")])
    other = Origin.of("1" * 64, "other", Settings(), LABELS)
    with (
        pytest.raises(UsageError, match=r"results of the model net-float32 \(0{12}...\).*this run's is other \(1{12}"),
        writable_store(str(path), other),
    ):
        pass
    quiet = Origin.of(ORIGIN.model, "net-float32", Settings(silence=-40.0), LABELS)
    with (
        pytest.raises(UsageError, match=r'"silence":-60.0.*"silence":-40.0.*give the same flags'),
        writable_store(str(path), quiet),
    ):
        pass


def test_one_process_writes_at_a_time(path: Path) -> None:
    with (
        writable_store(str(path), ORIGIN),
        pytest.raises(UsageError, match="another run writes to it"),
        writable_store(str(path), ORIGIN),
    ):
        pass
    written(path, [row("/a")])
    assert os.listdir(path.parent) == [path.name]


def test_the_lock_of_a_killed_process_does_not_last(path: Path) -> None:
    lock = path.with_name(f".{path.name}.lock")
    lock.touch()
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another run"):
            written(path, [row("/a")])
    written(path, [row("/a")])
    assert not lock.exists()


def test_the_columns_are_those_of_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "catalogue.md").read_text()
    table = page.partition("| column | type | content |\n")[2].partition("\n\n")[0]
    assert [line.split("`")[1] for line in table.splitlines()[1:]] == list(COLUMNS)
    assert f"the version of these columns: {SCHEMA} |" in table


def test_other_readers_read_the_parts(tmp_path: Path) -> None:
    folder = written(tmp_path / "results.parquet", [row("/a")], [bad("/b")])
    table = parquet.read_table(folder)
    assert table.column_names == list(COLUMNS) and table.num_rows == 2
    assert table.column("probabilities")[0].as_py()["blues"] == 0.25
    assert not table.column("probabilities")[1].is_valid and not table.column("events")[1].is_valid


def test_the_nested_values_of_csv_and_sqlite_are_json(tmp_path: Path) -> None:
    with written(tmp_path / "r.csv", [row("/a")]).open(newline="") as stream:
        (values,) = csv.DictReader(stream)
    assert json.loads(values["probabilities"])["blues"] == 0.25 and values["error"] == ""
    database = sqlite3.connect(written(tmp_path / "r.sqlite", [row("/a")]))
    assert database.execute("SELECT probabilities ->> 'blues', events ->> '$[0].end' FROM results").fetchone() == (
        *(0.25, 1.5),
    )
    database.close()


def test_what_is_not_ours_is_refused_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "other.parquet"
    folder.mkdir()
    parquet.write_table(pa.table({"file": ["/a"]}), folder / "part-00000001.parquet")
    single = tmp_path / "single.parquet"
    parquet.write_table(pa.table({"file": ["/a"]}), single)
    (tmp_path / "other.csv").write_text("file,label\r\n/a,jazz\r\n")
    database = sqlite3.connect(tmp_path / "other.sqlite")
    database.execute("CREATE TABLE tracks (name)")
    database.commit()
    database.close()
    (tmp_path / "text.db").write_text("this is no database, but text that is long enough")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for name, reason in {
        "other.parquet": "holds no results of this command",
        "single.parquet": "a file, but results are a folder of Parquet files",
        "other.csv": "holds no results of this command",
        "other.sqlite": "holds no results of this command",
        "text.db": "no SQLite file",
    }.items():
        with pytest.raises(UsageError, match=rf"{name}.*{reason}"):  # exit code 2: another file was meant
            written(tmp_path / name, [row("/b")])
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_newer_version_is_refused(path: Path) -> None:
    written(path, [row("/a", schema=SCHEMA + 1)])
    if path.suffix == ".sqlite":
        database = sqlite3.connect(path)
        database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
        database.close()
    with pytest.raises(CatalogueError, match=f"version {SCHEMA + 1} of the results.*update gtzanet-edge"):
        existing_store(str(path))


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path / "results.parquet", [row("/a")])
    part = folder / "part-00000001.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(CatalogueError, match="part-00000001.parquet: no Parquet file, or damaged: delete it"):
        existing_store(str(folder))


@given(st.integers(1, 400))
def test_a_line_of_csv_that_was_cut_is_written_again(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder, "r.csv"), [row("/a"), row("/b"), row('/c\n"')])
        whole = path.read_bytes()
        path.write_bytes(whole[:-cut])
        assert list(rows_of(path)) == ["/a", "/b"]
        written(path, [bad("/short")])
        assert list(rows_of(path)) == ["/a", "/b", "/short"] and path.read_bytes().endswith(b",1\r\n")
        path.write_bytes(whole[:-cut])
        written(path, [row('/c\n"')])
        assert path.read_bytes() == whole


def test_csv_that_is_damaged_inside_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "r.csv", [row("/a"), row("/b")])
    path.write_bytes(path.read_bytes().replace(b"/b,", b"", 1))
    with pytest.raises(CatalogueError, match="damaged before byte"):
        rows_of(path)


@pytest.mark.parametrize("whole", [True, False])
def test_what_a_killed_process_was_writing_is_not_read_and_goes(tmp_path: Path, whole: bool) -> None:
    folder = written(tmp_path / "results.parquet", [row("/a")])
    content = (folder / "part-00000001.parquet").read_bytes()
    (folder / ".part-00000002.x.gtzanet-tmp.parquet").write_bytes(content if whole else content[:50])
    assert list(rows_of(folder)) == ["/a"] and parquet.read_table(folder).num_rows == 1
    written(folder, [row("/b")])
    assert sorted(os.listdir(folder)) == ["part-00000001.parquet", "part-00000002.parquet"]


def test_many_parts_become_few(tmp_path: Path) -> None:
    folder = tmp_path / "results.parquet"
    with writable_store(str(folder), ORIGIN) as store:
        for number in range(MANY_PARTS + 10):
            store.append([row(f"/{number}")])
        assert len(os.listdir(folder)) < MANY_PARTS / 2
        store.tidy()
        assert len(os.listdir(folder)) == 1
    assert list(rows_of(folder)) == [f"/{number}" for number in range(MANY_PARTS + 10)]


@pytest.mark.parametrize("joins", range(4))
def test_a_process_that_dies_while_parts_are_joined_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, joins: int
) -> None:
    """After the joined part is written, and after each of the parts that are in it is deleted."""
    from runtime.catalogue.storage import LocalFolder

    folder = written(
        tmp_path / "results.parquet", [row("/a"), row("/b")], [row("/a", size=1)], [row("/c")], [bad("/d")]
    )
    real, left = LocalFolder.remove, [joins]

    def remove(self: LocalFolder, name: str) -> None:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        real(self, name)

    monkeypatch.setattr(LocalFolder, "remove", remove)
    with (
        nullcontext() if joins == 3 else pytest.raises(KeyboardInterrupt),
        writable_store(str(folder), ORIGIN) as store,
    ):
        store.tidy()
    monkeypatch.undo()
    sizes = {"/a": 1, "/b": 12_345, "/c": 12_345, "/d": 5}
    assert {name: row.size for name, row in rows_of(folder).items()} == sizes
    with writable_store(str(folder), ORIGIN) as store:
        store.tidy()
    assert len(os.listdir(folder)) == 1 and {name: row.size for name, row in rows_of(folder).items()} == sizes


def test_a_full_disk_leaves_the_rows_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, [row("/a")])
    if path.suffix == ".parquet":
        monkeypatch.setattr(os, "fsync", _full)
    else:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
    try:
        with pytest.raises(OSError), writable_store(str(path), ORIGIN) as store:
            store.append([row(f"/{number}") for number in range(1_000)])
    finally:
        if path.suffix != ".parquet":
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        monkeypatch.undo()
    assert list(rows_of(path)) == ["/a"]
    written(path, [row("/b")])
    assert list(rows_of(path)) == ["/a", "/b"]


def _full(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "runtime.catalogue.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'gtzanet-edge\[catalogue\]', or name a .csv or .sqlite file"):
        store_at(str(tmp_path / "r.parquet"))
    written(tmp_path / "r.csv", [row("/a")])


def test_a_name_with_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use a name ending in .parquet, .csv, .sqlite"):
        store_at(str(tmp_path / "results.json"))
    with pytest.raises(UsageError, match="there are no results"):
        existing_store(str(tmp_path / "results.csv"))


def test_a_name_that_is_no_text_is_a_url_that_leads_back() -> None:
    assert file_name("/m/\udcff \\xff.wav") == "file:///m/%FF%20%5Cxff.wav"
    assert file_name("/m/\\xff.wav") == "/m/\\xff.wav"


@given(st.lists(st.binary(min_size=1, max_size=6).filter(lambda name: b"\0" not in name), min_size=2, unique=True))
def test_every_path_has_a_name_of_its_own(names: list[bytes]) -> None:
    paths = [os.fsdecode(b"/" + name) for name in names]
    files = [file_name(path) for path in paths]
    assert len(set(files)) == len(files) and [path_of(file) for file in files] == paths
    assert all(file.encode() for file in files)


@pytest.mark.parametrize("out", STORES[1:])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        *[("size", "big"), ("confidence", "x"), ("confidence", "nan"), ("duration", "inf"), ("schema", "\u00b2")],
        *[("labels", "["), ("labels", "null"), ("labels", "[1]"), ("events", "[{}]"), ("events", "[1]")],
        *[("probabilities", '{"a": "b"}'), ("probabilities", "{"), ("warnings", "3")],
    ],
)
def test_an_edited_cell_is_one_sentence(tmp_path: Path, out: str, column: str, value: str) -> None:
    path = written(tmp_path / out, [row("/m/a.wav"), row("/m/b.wav")])
    if out.endswith(".csv"):
        with path.open(newline="") as stream:
            lines = list(csv.reader(stream))
        lines[2][COLUMNS.index(column)] = value
        with path.open("w", newline="") as stream:
            csv.writer(stream, lineterminator="\r\n").writerows(lines)
    else:
        with sqlite3.connect(path) as database:
            database.execute(f"UPDATE results SET {column} = ? WHERE file = '/m/b.wav'", [value])
    with pytest.raises(CatalogueError, match="damaged"):
        list(existing_store(str(path)).rows())


def test_a_part_that_is_damaged_anywhere_is_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path / "r.parquet", [row(f"/m/{number}.wav") for number in range(50)])
    (part,) = path.iterdir()
    content, generator = part.read_bytes(), np.random.default_rng(0)
    refused = 0
    for place in generator.integers(0, len(content) - 8, 60):
        part.write_bytes(content[:place] + generator.bytes(8) + content[place + 8 :])
        try:
            store = existing_store(str(path))
            list(store.rows())
            store.tidy()
        except CatalogueError as error:
            assert str(error).startswith(str(path))
            refused += 1
    assert refused > 20


def test_two_names_of_one_store_are_one(path: Path) -> None:
    link = path.with_name(f"link{path.suffix}")
    link.symlink_to(path.name)
    written(link, [row("/m/a.wav")])
    assert path.exists() and link.is_symlink() and [each.file for each in existing_store(str(link)).rows()]
    with writable_store(str(path), ORIGIN), pytest.raises(UsageError, match="another run writes to it"):
        written(link, [row("/m/b.wav")])


def test_a_database_that_another_program_has_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "r.sqlite", [row("/m/a.wav")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(CatalogueError, match="another program has locked it: close it there"):
            list(existing_store(str(path)).rows())
    finally:
        other.close()


def test_a_foreign_part_is_not_to_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "r.parquet").mkdir()
    (tmp_path / "r.parquet" / "mine.parquet").write_bytes(b"something else")
    with pytest.raises(UsageError, match="its name is not one that this command makes: name another folder"):
        existing_store(str(tmp_path / "r.parquet"))


def test_a_database_has_its_table_version_and_rows_at_once(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    with pytest.raises(KeyboardInterrupt):
        store_at(str(path)).append(Interrupted())
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        assert database.execute("PRAGMA user_version").fetchone() == (0,)
        database.execute("CREATE TABLE other (x)")
        database.execute("DROP TABLE other")
    database.close()
    assert path.stat().st_size and rows_of(path) == {}
    assert set(rows_of(written(path, [row("/a")]))) == {"/a"}


class Interrupted(list[Any]):
    """Rows whose reading is interrupted."""

    def __iter__(self) -> Any:
        raise KeyboardInterrupt
