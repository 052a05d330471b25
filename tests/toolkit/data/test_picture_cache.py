"""Pictures of an index's items, and the cache of rendered sounds."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.toolkit.trees import picture_tree, pixels, sound_tree, write_sound
from toolkit.audio.decode import load
from toolkit.data import picture_cache
from toolkit.data.dataset import Index, build_index
from toolkit.data.picture_cache import (
    LEFTOVER_SECONDS,
    cache_path,
    default_cache,
    load_pictures,
    load_windows,
    pack,
    unpack,
)
from toolkit.errors import DatasetError
from toolkit.files import file_digest
from toolkit.frontend.picture import render
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.windows import split_windows

LOAD = (
    "import sys; from pathlib import Path; from toolkit.data.dataset import build_index; "
    "from toolkit.data.picture_cache import load_pictures; import numpy as np; "
    "index = build_index(sys.argv[1]); print('ready', flush=True); "
    "np.save(sys.argv[3], load_pictures(index, index.items, Path(sys.argv[2])))"
)


@pytest.fixture
def sounds(tmp_path: Path) -> Index:
    """Return the index of four half-second sounds."""
    return build_index(sound_tree(tmp_path / "sounds"))


def entries(cache: Path) -> list[Path]:
    """Return the cache's whole entries."""
    return sorted(path for path in cache.rglob("*.picture") if not path.name.startswith("."))


def loader(index: Index, cache: Path, output: Path) -> subprocess.Popen[str]:
    """Start another process that loads an index's pictures."""
    command = [sys.executable, "-c", LOAD, str(index.root), str(cache), str(output)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(picture_cache.__file__).parents[2])


def no_render(*_: object) -> None:
    """Stand for the front end where nothing may be rendered."""
    raise AssertionError("rendered although the cache has it")


def test_pictures_are_read_in_the_order_of_the_items(tmp_path: Path) -> None:
    index = build_index(picture_tree(tmp_path))
    two_items = [index.items[4], index.items[0]]
    read = load_pictures(index, two_items)
    assert read.shape == (2, 288, 432, 3)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, [pixels(1001), pixels(0)])
    assert load_pictures(index, []).shape == (0, 288, 432, 3)


def test_a_picture_changed_since_indexing_is_refused(tmp_path: Path) -> None:
    index = build_index(picture_tree(tmp_path))
    first = index.path(index.items[0])
    first.write_bytes(index.path(index.items[1]).read_bytes())
    with pytest.raises(DatasetError, match=r"000\.png changed since it was indexed"):
        load_pictures(index, index.items)
    first.unlink()
    with pytest.raises(DatasetError, match=r"cannot use .*000\.png"):
        load_pictures(index, index.items)


def test_sounds_are_rendered_once(sounds: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    first = load_pictures(sounds, sounds.items, cache)
    for item, picture in zip(sounds.items, first, strict=True):
        np.testing.assert_array_equal(picture, render(split_windows(load(sounds.path(item), PICTURE.sample_rate))[0]))
    assert entries(cache) == sorted(cache_path(cache, item.digest) for item in sounds.items)
    monkeypatch.setattr(picture_cache, "render", no_render)
    np.testing.assert_array_equal(load_pictures(sounds, sounds.items, cache), first)


def test_a_long_sound_shows_its_first_window(tmp_path: Path) -> None:
    index_root = sound_tree(tmp_path / "sounds")
    long = write_sound(index_root / "hum" / "long.wav", 9, seconds=45)
    index = build_index(index_root)
    item = index.by_name["hum/long.wav"]
    (picture,) = load_pictures(index, [item], tmp_path / "cache")
    samples = load(long, PICTURE.sample_rate)
    np.testing.assert_array_equal(picture, render(samples[: 30 * 22_050]))
    assert (picture != render(samples)).any()


@pytest.fixture
def long_sounds(tmp_path: Path) -> Index:
    """Return the index of a short sound and of one of 75 s, which is three windows."""
    for label, seconds in (("hum", 0.5), ("tap", 75)):
        write_sound(tmp_path / "long" / label / "0.wav", round(seconds), seconds)
    return build_index(tmp_path / "long")


def test_all_windows_of_a_long_sound(long_sounds: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    short, long = long_sounds.items
    windows = load_windows(long_sounds, [long, short], cache)
    samples = [load(long_sounds.path(item), PICTURE.sample_rate) for item in (long, short)]
    expected = [render(window) for sound in samples for window in split_windows(sound)]
    np.testing.assert_array_equal(windows.pictures, expected)
    assert windows.clips.tolist() == [0, 0, 0, 1]
    np.testing.assert_array_equal(load_pictures(long_sounds, [long, short], cache), [expected[0], expected[3]])
    monkeypatch.setattr(picture_cache, "load", no_render)
    again = load_windows(long_sounds, [short, long], cache)
    np.testing.assert_array_equal(again.pictures, [expected[3], *expected[:3]])
    assert len(entries(cache)) == 4


def test_a_cache_of_first_windows_stays_valid(
    long_sounds: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, rendered = tmp_path / "cache", list[int]()

    def counted(samples: NDArray[np.float32]) -> NDArray[np.uint8]:
        rendered.append(len(samples))
        return render(samples)

    first = load_pictures(long_sounds, long_sounds.items, cache)
    monkeypatch.setattr(picture_cache, "render", counted)
    windows = load_windows(long_sounds, long_sounds.items, cache)
    np.testing.assert_array_equal(windows.pictures[:2], first)
    assert rendered == [30 * 22_050] * 2  # the second and third of the long sound


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"windows": 1, "digest": "x"}', "\xff"])
def test_a_damaged_count_is_counted_again(long_sounds: Index, tmp_path: Path, damage: str) -> None:
    load_windows(long_sounds, long_sounds.items, tmp_path)
    path = cache_path(tmp_path, long_sounds.items[1].digest).with_suffix(".windows")
    whole = path.read_bytes()
    path.write_text(damage, encoding="latin-1")
    assert len(load_windows(long_sounds, long_sounds.items, tmp_path).clips) == 4
    assert path.read_bytes() == whole


def test_a_damaged_window_is_rendered_again(long_sounds: Index, tmp_path: Path) -> None:
    first = load_windows(long_sounds, long_sounds.items, tmp_path)
    cache_path(tmp_path, long_sounds.items[1].digest, window=2).write_bytes(b"x")
    np.testing.assert_array_equal(load_windows(long_sounds, long_sounds.items, tmp_path).pictures, first.pictures)


def test_windows_name_the_file_that_cannot_be_read(long_sounds: Index, tmp_path: Path) -> None:
    long_sounds.path(long_sounds.items[1]).write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"tap/0\.wav changed since it was indexed"):
        load_windows(long_sounds, long_sounds.items, tmp_path)
    long_sounds.path(long_sounds.items[1]).unlink()
    with pytest.raises(DatasetError, match=r"cannot use .*tap/0\.wav"):
        load_windows(long_sounds, long_sounds.items, tmp_path)


def test_a_changed_sound_is_never_stored_under_its_old_digest(sounds: Index, tmp_path: Path) -> None:
    write_sound(sounds.path(sounds.items[0]), 55)
    with pytest.raises(DatasetError, match="changed since it was indexed"):
        load_pictures(sounds, sounds.items[:1], tmp_path / "cache")
    assert entries(tmp_path / "cache") == []


def test_key_depends_on_file_front_end_and_format(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("c")
    paths = {cache_path(folder, "a"), cache_path(folder, "b"), cache_path(folder, "a", replace(PICTURE, top_db=60.0))}
    monkeypatch.setattr(picture_cache, "CACHE_FORMAT", picture_cache.CACHE_FORMAT + 1)
    paths.add(cache_path(folder, "a"))
    assert len(paths) == 4


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_entry_is_rendered_again(sounds: Index, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    first = load_pictures(sounds, sounds.items, cache)
    path = cache_path(cache, sounds.items[1].digest)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    damaged = {"cut": whole[:-20], "flip": bytes(flipped), "empty": b"", "other": b"x" * 500}[damage]
    path.write_bytes(damaged)
    assert unpack(damaged) is None
    np.testing.assert_array_equal(load_pictures(sounds, sounds.items, cache), first)
    assert path.read_bytes() == whole


def test_pack_keeps_every_pixel() -> None:
    np.testing.assert_array_equal(unpack(pack(pixels(8))), pixels(8))


def test_a_folder_in_the_place_of_an_entry_is_a_clear_error(sounds: Index, tmp_path: Path) -> None:
    cache_path(tmp_path / "cache", sounds.items[0].digest).mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"cannot keep rendered pictures in"):
        load_pictures(sounds, sounds.items, tmp_path / "cache")


def test_a_pipe_in_the_place_of_an_entry_is_not_waited_for(sounds: Index, tmp_path: Path) -> None:
    place = cache_path(tmp_path / "cache", sounds.items[0].digest)
    place.parent.mkdir(parents=True)
    os.mkfifo(place)
    with pytest.raises(DatasetError, match=r"cannot keep rendered pictures in"):
        load_pictures(sounds, sounds.items, tmp_path / "cache")


@pytest.mark.parametrize("body", [b"", b"no zlib", zlib.compress(b"too short")])
def test_an_entry_whose_body_is_no_picture_is_damaged(body: bytes) -> None:
    assert unpack(hashlib.sha256(body).digest() + body) is None


def test_a_cache_that_cannot_be_written_is_a_clear_error(sounds: Index, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"cannot keep rendered pictures in .*file .*use --cache DIR"):
        load_pictures(sounds, sounds.items, tmp_path / "file")


def test_a_sound_that_goes_bad_is_named(sounds: Index, tmp_path: Path) -> None:
    bad = sounds.path(sounds.items[2])
    soundfile.write(bad, np.zeros(0), 22_050)
    stale = build_digest(sounds, 2)
    with pytest.raises(DatasetError, match=bad.name):
        load_pictures(stale, stale.items, tmp_path / "cache")


def build_digest(index: Index, place: int) -> Index:
    """Return an index that takes one item's present content for good."""
    digest = file_digest(index.path(index.items[place]))
    items = tuple(replace(item, digest=digest) if n == place else item for n, item in enumerate(index.items))
    return replace(index, items=items)


def test_default_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert default_cache() == tmp_path / "x" / "gtzanet-edge"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "gtzanet-edge"


def test_a_user_without_a_home_learns_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(DatasetError, match="set XDG_CACHE_HOME or use --cache DIR"):
        default_cache()


def test_default_cache_is_used(sounds: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    load_pictures(sounds, sounds.items)
    assert len(entries(tmp_path / "x" / "gtzanet-edge")) == 4


def test_progress_counts_every_item(sounds: Index, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    load_pictures(sounds, sounds.items, tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.slow
def test_two_processes_may_share_a_cache(sounds: Index, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    outputs = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for process in [loader(sounds, cache, output) for output in outputs]:
        process.communicate(timeout=120)
        assert process.returncode == 0
    expected = load_pictures(sounds, sounds.items, tmp_path / "own")
    for output in outputs:
        np.testing.assert_array_equal(np.load(output), expected)
    assert [path.name for path in entries(cache)] == [path.name for path in entries(tmp_path / "own")]


@pytest.mark.slow
def test_a_killed_process_leaves_no_broken_entry(tmp_path: Path) -> None:
    index = build_index(sound_tree(tmp_path / "sounds", count=12))
    cache = tmp_path / "cache"
    process = loader(index, cache, tmp_path / "a.npy")
    assert process.stdout is not None
    process.stdout.readline()
    deadline = time.monotonic() + 60
    while len(entries(cache)) < 5 and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    left = entries(cache)
    assert 5 <= len(left) < 24
    assert all(unpack(path.read_bytes()) is not None for path in left)
    expected = load_pictures(index, index.items, tmp_path / "own")
    np.testing.assert_array_equal(load_pictures(index, index.items, cache), expected)


def test_old_leftovers_of_killed_processes_are_removed(sounds: Index, tmp_path: Path) -> None:
    load_pictures(sounds, sounds.items, tmp_path)
    shelf = entries(tmp_path)[0].parent
    kept = entries(tmp_path)
    for name, age in ((".old.abc.gtzanet-tmp.picture", 2 * LEFTOVER_SECONDS), (".young.abc.gtzanet-tmp.picture", 0)):
        (shelf / name).write_bytes(b"half")
        os.utime(shelf / name, (time.time() - age,) * 2)
    load_pictures(sounds, sounds.items, tmp_path)
    assert [path.name for path in shelf.glob(".*")] == [".young.abc.gtzanet-tmp.picture"]
    assert entries(tmp_path) == kept
