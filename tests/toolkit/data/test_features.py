"""What a network sees of an index's items, and the cache in which it is kept."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.toolkit.trees import picture_tree, pixels, sound_tree, write_sound
from toolkit.audio.decode import load
from toolkit.data import features as cached
from toolkit.data.dataset import Index, build_index
from toolkit.data.features import (
    LEFTOVER_SECONDS,
    cache_path,
    default_cache,
    dtype_of,
    load_windows,
    pack,
    read_entry,
    unpack,
)
from toolkit.errors import DatasetError, UsageError
from toolkit.files import file_digest
from toolkit.frontend.features import features
from toolkit.frontend.picture import cells, cells_in, read_png, render, save_png
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE, FrontEnd
from toolkit.frontend.windows import split_windows

SHORT = replace(PRESETS["log-mel"], window_seconds=0.3, hop_seconds=0.1)
LOAD = (
    "import sys; from pathlib import Path; from toolkit.data.dataset import build_index; "
    "from toolkit.data.features import load_windows; from toolkit.frontend.presets import PRESETS; import numpy as np; "
    "index = build_index(sys.argv[1]); print('ready', flush=True); "
    "np.save(sys.argv[3], load_windows(index, index.items, PRESETS['log-mel'], Path(sys.argv[2])).values)"
)


@pytest.fixture
def sounds(tmp_path: Path) -> Index:
    """Return the index of four half-second sounds."""
    return build_index(sound_tree(tmp_path / "sounds"))


@pytest.fixture
def long_sounds(tmp_path: Path) -> Index:
    """Return the index of a sound of 0.1 s, and of one of 2.5 s."""
    for label, seconds in (("hum", 0.1), ("tap", 2.5)):
        write_sound(tmp_path / "long" / label / "0.wav", round(seconds), seconds)
    return build_index(tmp_path / "long")


def computed(index: Index, spec: FrontEnd) -> list[NDArray[np.float32]]:
    """Return what the front end makes of every window of every item."""
    samples = [load(index.path(item), spec.sample_rate) for item in index.items]
    return [features(window, spec) for sound in samples for window in split_windows(sound, spec)]


def entries(cache: Path) -> list[Path]:
    """Return the cache's whole entries."""
    return sorted(path for path in cache.rglob("*.features") if not path.name.startswith("."))


def files_in(folder: Path) -> list[Path]:
    """Return all files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def loader(index: Index, cache: Path, output: Path, limit: int | None = None) -> subprocess.Popen[str]:
    """Start another process that loads an index's windows; it can write files of `limit` bytes at most."""
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); " if limit else ""
    command = [sys.executable, "-c", code + LOAD, str(index.root), str(cache), str(output)]
    pipe, folder = subprocess.PIPE, Path(cached.__file__).parents[2]
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder)


def nothing_computed(*_: object) -> None:
    """Stand for the front end where nothing may be computed."""
    raise AssertionError("computed although the cache has it")


@pytest.mark.parametrize("name", PRESETS)
def test_values_are_what_the_front_end_computes_of_every_window(
    long_sounds: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    spec = replace(PRESETS[name], window_seconds=1.0, hop_seconds=0.4)
    expected = computed(long_sounds, spec)
    windows = load_windows(long_sounds, long_sounds.items, spec, tmp_path / "cache")
    np.testing.assert_array_equal(windows.values, expected)
    assert windows.values.dtype == (np.float32 if spec.layout == "grid" else np.uint8)
    assert windows.clips.tolist() == [0, *[1] * (len(expected) - 1)] and len(expected) > 3
    assert windows.clips.dtype == np.int64 and not windows.values.flags.writeable
    np.testing.assert_array_equal(windows.first, expected[:2])
    monkeypatch.setattr(cached, "load", nothing_computed)
    again = load_windows(long_sounds, long_sounds.items[::-1], spec, tmp_path / "cache")
    np.testing.assert_array_equal(again.values, [*expected[1:], expected[0]])
    assert again.clips.tolist() == [*[0] * (len(expected) - 1), 1]
    np.testing.assert_array_equal(again.first, [expected[1], expected[0]])


def test_the_papers_pictures_are_as_rendered(sounds: Index, tmp_path: Path) -> None:
    windows = load_windows(sounds, sounds.items, PICTURE, tmp_path)
    expected = [render(split_windows(load(sounds.path(item), 22_050))[0]) for item in sounds.items]
    np.testing.assert_array_equal(windows.values, expected)
    assert windows.first is windows.values and windows.values.shape == (4, 288, 432, 3)


def test_pictures_are_read_in_the_order_of_the_items(tmp_path: Path) -> None:
    index = build_index(picture_tree(tmp_path / "tree"))
    two_items = [index.items[4], index.items[0]]
    windows = load_windows(index, two_items, PICTURE, tmp_path / "cache")
    np.testing.assert_array_equal(windows.values, [pixels(1001), pixels(0)])
    assert windows.clips.tolist() == [0, 1] and files_in(tmp_path / "cache") == []
    nothing = load_windows(index, [], PICTURE, tmp_path / "cache")
    assert nothing.values.shape == nothing.first.shape == (0, 288, 432, 3) and len(nothing.clips) == 0


def test_cells_are_read_from_pictures(tmp_path: Path) -> None:
    spec, noise = PRESETS["mel-grid"], np.random.default_rng(5).normal(0, 0.1, (2, 30 * 22_050)).astype(np.float32)
    for label, samples in zip("ab", noise, strict=True):
        (tmp_path / label).mkdir()
        save_png(render(samples), tmp_path / label / "0.png")
    index = build_index(tmp_path)
    windows = load_windows(index, index.items, spec, tmp_path / "cache")
    np.testing.assert_array_equal(windows.values, [cells_in(read_png(index.path(item))) for item in index.items])
    np.testing.assert_array_equal(windows.values, [cells(samples, spec) for samples in noise])


def test_pictures_in_other_colours_are_named(tmp_path: Path) -> None:
    index = build_index(picture_tree(tmp_path / "tree"))
    with pytest.raises(DatasetError, match=r"cannot use .*hum/000\.png: the picture has other colours"):
        load_windows(index, index.items, PRESETS["mel-grid"], tmp_path / "cache")


@pytest.mark.parametrize("spec", [PRESETS["log-mel"], replace(PICTURE, hop_seconds=3.0)])
def test_pictures_have_one_front_end(tmp_path: Path, spec: FrontEnd) -> None:
    index = build_index(picture_tree(tmp_path / "tree"))
    with pytest.raises(UsageError, match="tree holds pictures, which have another front end .*: use --kind audio"):
        load_windows(index, index.items, spec, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("tree", [picture_tree, sound_tree])
def test_a_file_changed_since_indexing_is_refused(tmp_path: Path, tree: type[Path]) -> None:
    index = build_index(tree(tmp_path / "tree"))
    first, second = (index.path(item) for item in index.items[:2])
    first.write_bytes(second.read_bytes())
    with pytest.raises(DatasetError, match=rf"cannot use .*/{first.name}: it changed since it was indexed"):
        load_windows(index, index.items, PICTURE, tmp_path / "cache")
    first.unlink()
    with pytest.raises(DatasetError, match=rf"cannot use .*/{first.name}"):
        load_windows(index, index.items[:1], PICTURE, tmp_path / "cache")
    assert index.items[0].digest != file_digest(second)
    assert not cache_path(tmp_path / "cache", index.items[0].digest, PICTURE).exists()


def test_a_sound_that_goes_bad_is_named(sounds: Index, tmp_path: Path) -> None:
    bad = sounds.path(sounds.items[2])
    soundfile.write(bad, np.zeros(0), 22_050)
    stale = replace(sounds.items[2], digest=file_digest(bad))
    with pytest.raises(DatasetError, match=rf"cannot use .*/{bad.name}: \w"):
        load_windows(sounds, [stale], SHORT, tmp_path / "cache")


def test_key_depends_on_file_front_end_and_format(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("c")
    paths = {cache_path(folder, "a", PICTURE), cache_path(folder, "b", PICTURE)}
    paths.add(cache_path(folder, "a", replace(PICTURE, top_db=60.0)))
    monkeypatch.setattr(cached, "CACHE_FORMAT", cached.CACHE_FORMAT + 1)
    paths.add(cache_path(folder, "a", PICTURE))
    assert len(paths) == 4


@pytest.mark.parametrize("spec", [SHORT, PICTURE])
def test_a_damaged_entry_is_computed_again(sounds: Index, tmp_path: Path, spec: FrontEnd) -> None:
    first = load_windows(sounds, sounds.items, spec, tmp_path)
    path = cache_path(tmp_path, sounds.items[1].digest, spec)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[random.Random(spec.digest()).randrange(len(whole))] ^= 1
    for damaged in (whole[:-20], bytes(flipped), b"", b"x" * 500, whole + b"x"):
        path.write_bytes(damaged)
        assert unpack(damaged, dtype_of(spec), spec.shape) is None
        np.testing.assert_array_equal(load_windows(sounds, sounds.items, spec, tmp_path).values, first.values)
        assert path.read_bytes() == whole


def test_pack_keeps_every_value() -> None:
    values = np.random.default_rng(1).standard_normal((3, *SHORT.shape)).astype(np.float32)
    np.testing.assert_array_equal(unpack(pack(values), dtype_of(SHORT), SHORT.shape), values)
    np.testing.assert_array_equal(unpack(pack(pixels(8)[np.newaxis]), np.uint8, PICTURE.shape), pixels(8)[np.newaxis])


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_in_the_place_of_an_entry_is_a_clear_error(sounds: Index, tmp_path: Path, make: type) -> None:
    place = cache_path(tmp_path / "cache", sounds.items[0].digest, SHORT)
    place.parent.mkdir(parents=True)
    make(place)
    with pytest.raises(DatasetError, match=r"cannot keep features in .*use --cache DIR"):
        load_windows(sounds, sounds.items, SHORT, tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_a_clear_error(sounds: Index, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"cannot keep features in .*file .*use --cache DIR"):
        load_windows(sounds, sounds.items, SHORT, tmp_path / "file")


def test_default_cache_follows_xdg(sounds: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert default_cache() == tmp_path / "x" / "gtzanet-edge"
    load_windows(sounds, sounds.items, SHORT)
    assert len(entries(tmp_path / "x" / "gtzanet-edge")) == 4
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache() == tmp_path / ".cache" / "gtzanet-edge"


def test_a_user_without_a_home_learns_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(DatasetError, match="set XDG_CACHE_HOME or use --cache DIR"):
        default_cache()


def test_progress_counts_every_item(sounds: Index, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    load_windows(sounds, sounds.items, SHORT, tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_old_leftovers_of_killed_processes_are_removed(sounds: Index, tmp_path: Path) -> None:
    load_windows(sounds, sounds.items, SHORT, tmp_path)
    kept = entries(tmp_path)
    shelf = kept[0].parent
    for name, age in ((".old.abc.gtzanet-tmp.features", 2 * LEFTOVER_SECONDS), (".young.abc.gtzanet-tmp.features", 0)):
        (shelf / name).write_bytes(b"half")
        os.utime(shelf / name, (time.time() - age,) * 2)
    load_windows(sounds, sounds.items, SHORT, tmp_path)
    assert [path.name for path in shelf.glob(".*")] == [".young.abc.gtzanet-tmp.features"]
    assert entries(tmp_path) == kept


@pytest.mark.parametrize("limit", [50_000, 200_000])
def test_a_full_disk_keeps_whole_entries_only(sounds: Index, tmp_path: Path, limit: int) -> None:
    """A limit on the size of files stands for the end of the disk: of an entry, and of what is mapped."""
    process = loader(sounds, tmp_path / "cache", tmp_path / "a.npy", limit)
    _, messages = process.communicate(timeout=60)
    sentence = f"DatasetError: cannot keep features in {tmp_path / 'cache'} (File too large): use --cache DIR, or set"
    assert process.returncode == 1 and messages.endswith(sentence + " XDG_CACHE_HOME\n")
    assert files_in(tmp_path / "cache") == entries(tmp_path / "cache") and not (tmp_path / "a.npy").exists()
    spec = PRESETS["log-mel"]
    values = load_windows(sounds, sounds.items, spec, tmp_path / "cache").values
    np.testing.assert_array_equal(values, computed(sounds, spec))


@pytest.mark.slow
def test_two_processes_may_share_a_cache(tmp_path: Path) -> None:
    index = build_index(sound_tree(tmp_path / "sounds", count=30))
    cache = tmp_path / "cache"
    outputs = [tmp_path / "a.npy", tmp_path / "b.npy"]
    for process in [loader(index, cache, output) for output in outputs]:
        process.communicate(timeout=120)
        assert process.returncode == 0
    for output in outputs:
        np.testing.assert_array_equal(np.load(output), computed(index, PRESETS["log-mel"]))
    assert files_in(cache) == entries(cache) and len(entries(cache)) == 60


@pytest.mark.slow
def test_a_process_killed_at_any_point_leaves_whole_entries(tmp_path: Path) -> None:
    spec, count = PRESETS["log-mel"], 40
    index = build_index(sound_tree(tmp_path / "sounds", count=count))
    cache, done = tmp_path / "cache", 0
    for delay in (0.0, 0.013, 0.031):
        process = loader(index, cache, tmp_path / "a.npy")
        assert process.stdout is not None
        process.stdout.readline()
        deadline = time.monotonic() + 60
        while len(entries(cache)) <= done and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        left = entries(cache)
        assert done < len(left)
        assert all(read_entry(path, dtype_of(spec), spec.shape) is not None for path in left)
        assert not [path for path in cache.iterdir() if path.is_file()]
        done = len(left)
    assert done < 2 * count
    np.testing.assert_array_equal(load_windows(index, index.items, spec, cache).values, computed(index, spec))


EPOCH = """
import re, sys
from pathlib import Path
import numpy as np
from toolkit.data.dataset import build_index
from toolkit.data.features import load_windows
from toolkit.frontend.presets import PRESETS

def own_kilobytes(*_):
    peaks.append(int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]))

peaks = []
index = build_index(sys.argv[1])
values = load_windows(index, index.items, PRESETS["log-mel"], Path(sys.argv[2]), own_kilobytes).values
order = np.random.default_rng(0).permutation(len(values))
for first in range(0, len(order), 32):
    batch = values[order[first : first + 32]]
    own_kilobytes()
print(len(values), max(peaks))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a process' own memory is read from /proc")
def test_memory_does_not_grow_with_the_dataset(tmp_path: Path) -> None:
    """Mapped pages belong to the file, and leave when others need memory: what the process owns is counted."""
    peaks = {}
    for count in (20, 200):
        tree = tmp_path / str(count)
        for number in range(count):
            for label in ("hum", "tap"):
                write_sound(tree / label / f"{number}.wav", 2 * number + (label == "tap"), 0.1)
        command = [sys.executable, "-c", EPOCH, str(tree), str(tmp_path / "cache")]
        folder = Path(cached.__file__).parents[2]
        printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
        windows, peaks[count] = map(int, printed.split())
        assert windows == 2 * count
    more = 360 * 4 * int(np.prod(PRESETS["log-mel"].shape)) / 1024  # what the large set's windows would add in memory
    assert peaks[200] - peaks[20] < 0.5 * more
