"""A library and its results in object storage: a server of this machine speaks S3."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtime.catalogue.objects import ObjectFolder, copied, objects_below
from runtime.catalogue.open_store import existing_store
from runtime.catalogue.row import Row
from tests.runtime.catalogue.library import rows_of, run, tone
from toolkit.errors import UsageError

moto = pytest.importorskip("moto.server", reason="moto is not installed")
pytest.importorskip("s3fs", reason="s3fs is not installed")


@pytest.fixture(scope="module")
def storage() -> Iterator[Any]:
    """Return the file system of a server that runs until the last test ends."""
    import s3fs

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"ENDPOINT_URL": f"http://{host}:{port}", "DEFAULT_REGION": "us-east-1"}.items():
            patch.setenv(f"AWS_{name}", value)
        for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
            patch.setenv(f"AWS_{name}", "test")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        try:
            yield s3fs.S3FileSystem(use_listings_cache=False)
        finally:
            server.stop()


@pytest.fixture
def bucket(storage: Any, tmp_path: Path) -> str:
    """Return the name of a new bucket with three tones, a damaged file, and files that are no sounds."""
    name = f"bucket-{abs(hash(tmp_path))}"
    storage.mkdir(name)
    for number in range(3):
        path = tone(tmp_path / "m" / "ü #1" / f"{number}.wav", 300 + 200 * number)
        storage.put_file(str(path), f"{name}/music/ü #1/{number}.wav")
    (tmp_path / "m" / "bad.mp3").write_bytes(b"this is no sound" * 100)
    storage.put_file(str(tmp_path / "m" / "bad.mp3"), f"{name}/music/bad.mp3")
    for other in ("cover.png", ".hidden/a.wav", "ü #1/.b.wav"):
        storage.pipe_file(f"{name}/music/{other}", b"other")
    return name


def rows(url: str) -> dict[str, Row]:
    return {row.file: row for row in existing_store(url).rows()}


def test_a_library_in_a_bucket_has_the_rows_of_the_same_files_here(bucket: str, storage: Any, tmp_path: Path) -> None:
    music, out = f"s3://{bucket}/music", f"s3://{bucket}/results.parquet"
    first = run(music, "--out", out, "--workers", "1")
    assert "3 files classified, 1 failed, 0 unchanged" in first.stdout, first.stderr
    run(tmp_path / "m", "--out", tmp_path / "here.csv", "--workers", "1")
    local = {name.replace(str(tmp_path / "m"), music): row for name, row in rows_of(tmp_path / "here.csv").items()}
    remote = rows(out)
    assert {name: replace(row, mtime=0) for name, row in remote.items()} == {
        name: replace(row, file=name, mtime=0) for name, row in local.items()
    }
    storage.put_file(str(tone(tmp_path / "new.wav", 700, 1.0)), f"{bucket}/music/ü #1/1.wav")
    second = run(music, "--out", out, "--workers", "1")
    assert "1 files classified, 0 failed, 3 unchanged" in second.stdout, second.stderr
    assert rows(out)[f"{music}/ü #1/1.wav"].duration == 1.0
    assert len(rows(out)) == 4
    page = run("report", out, cwd=tmp_path)
    assert (tmp_path / "results.html").is_file(), page.stderr


def test_a_list_names_objects(bucket: str, tmp_path: Path) -> None:
    names = [f"s3://{bucket}/music/ü #1/0.wav", f"s3://{bucket}/music/absent.wav", f"s3://{bucket}/music"]
    (tmp_path / "list.txt").write_text("\n".join(names), encoding="utf-8")
    result = run(tmp_path / "list.txt", "--out", tmp_path / "results.csv", "--workers", "1")
    assert "1 files classified, 0 failed" in result.stdout
    assert f"error: {names[1]}: No such file or directory" in result.stderr
    assert f"error: {names[2]}: is a folder" in result.stderr
    assert list(rows_of(tmp_path / "results.csv")) == names[:1]


def test_objects_are_written_read_and_removed(bucket: str) -> None:
    folder = ObjectFolder(f"s3://{bucket}/some/folder/")
    assert folder.names() == []
    folder.write("b", b"1")
    folder.write("b", b"two")
    folder.write("a", b"")
    assert folder.names() == ["a", "b"]
    assert folder.read("b") == b"two"
    folder.remove("b")
    assert folder.names() == ["a"]
    with pytest.raises(OSError) as error:
        folder.read("b")
    assert error.value.filename == f"s3://{bucket}/some/folder/b"


@pytest.mark.parametrize(
    ("library", "out", "sentence"),
    [
        ("s3://{}-absent/music", "{}.parquet", "s3://{}-absent/music: "),
        ("s3://{}/music/ü #1/no", "{}.parquet", "s3://{}/music/ü #1/no: "),
        ("unheard://{}", "{}.parquet", "Protocol not known: unheard: name a folder, or a URL such as s3://"),
        ("s3://{}/music", "s3://{}/results.csv", "results in object storage are Parquet"),
        ("s3://{}/music", "s3://{}-absent/results.parquet", "s3://{}-absent/results.parquet"),
    ],
)
def test_what_is_wrong_with_a_url_is_one_sentence(
    bucket: str, tmp_path: Path, library: str, out: str, sentence: str
) -> None:
    result = run(library.format(bucket), "--out", out.format(bucket), "--workers", "1", cwd=tmp_path)
    assert result.returncode in (1, 2)
    assert sentence.format(bucket) in result.stderr
    assert "Traceback" not in result.stderr


def test_files_in_a_bucket_get_no_tags(bucket: str, tmp_path: Path) -> None:
    result = run(f"s3://{bucket}/music", "--out", tmp_path / "r.csv", "--write-tags", "genre")
    assert result.returncode == 2
    assert "not to object storage" in result.stderr


def test_storage_that_is_gone_is_an_error_of_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(OSError, match="Could not connect") as error, copied("s3://bucket/a.wav"):
            pass
        assert error.value.filename == "s3://bucket/a.wav"
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


def test_without_fsspec_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"pip install 'gtzanet-edge\[s3\]'"):
        list(objects_below("s3://bucket/music"))
