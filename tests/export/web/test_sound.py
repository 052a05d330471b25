"""What the page computes between a file and the network is what the toolkit computes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from tests.conftest import missing
from tests.export.web.pages import served
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE
from toolkit.frontend.windows import fitted, split_windows, window_spans

ASSETS = Path(__file__).parents[3] / "export" / "web" / "assets"
SPECS = {
    "picture": PICTURE,
    "padded": replace(PICTURE, short="pad"),
    "stretched": replace(PICTURE, short="stretch"),
    **{name: PRESETS[name] for name in ("mel-grid", "efficientat", "yamnet")},
}


@pytest.fixture(scope="module")
def page(launched: Any) -> Iterator[Any]:
    """Return an empty page at the address of the scripts."""
    with served(ASSETS) as address, launched.new_context() as context:
        blank = context.new_page()
        blank.goto(address + "page.css")
        yield blank


@pytest.mark.parametrize("name", SPECS)
def test_windows(page: Any, name: str) -> None:
    spec = SPECS[name]
    size = spec.window_samples
    counts = [1, 1000, size // 2, size - 1, size, size + 1, size + 20_000, 2 * size, 2 * size + 1, 5 * size - 3]
    script = """async ([counts, frontEnd, size]) => {
        const { fitted, windowSpans } = await import("/sound.js");
        return counts.map((count) => {
            const samples = Float32Array.from({ length: count }, (_, at) => at % 9973);
            const [first, last] = windowSpans(count, frontEnd)[0];
            const window = fitted(samples.subarray(first, last), size, frontEnd);
            return [windowSpans(count, frontEnd), [0, size >> 1, size - 2, size - 1].map((at) => window[at])];
        });
    }"""
    results = page.evaluate(script, [counts, spec.to_dict(), spec.fixed_samples])
    for count, (spans, values) in zip(counts, results, strict=True):
        assert [tuple(span) for span in spans] == window_spans(count, spec), count
        samples = (np.arange(count) % 9973).astype(np.float32)
        window = fitted(split_windows(samples, spec)[0], spec)
        assert values == [window[at] for at in (0, len(window) // 2, -2, -1)], count


@pytest.mark.parametrize(("source", "target"), [(44_100, 22_050), (48_000, 22_050), (16_000, 22_050), (22_050, 32_000)])
def test_resampling(page: Any, source: int, target: int) -> None:
    rng = np.random.default_rng(source)
    time = np.arange(2 * source) / source
    loud = 0.5 * np.sin(2 * np.pi * 440 * time) + 0.3 * np.sin(2 * np.pi * 0.45 * min(source, target) * 0.9 * time)
    sound = (loud + 0.2 * np.sin(2 * np.pi * 0.49 * source * time) + 0.01 * rng.normal(size=time.size)).astype("f")
    script = """async ([samples, source, target]) => {
        const { Resampler, resampled } = await import("/resampler.js");
        const whole = resampled(Float32Array.from(samples), source, target);
        const stream = new Resampler(source, target);
        const parts = [];
        for (let at = 0; at < samples.length; at += 4801) {
            parts.push(...stream.push(Float32Array.from(samples.slice(at, at + 4801))));
        }
        parts.push(...stream.end());
        return [[...whole], parts];
    }"""
    whole, parts = page.evaluate(script, [sound.tolist(), source, target])
    expected = soxr.resample(sound, source, target, quality="HQ")
    assert parts == whole
    assert len(whole) == len(expected)
    middle = slice(1000, -1000)
    off = np.asarray(whole)[middle] - expected[middle]
    assert 10 * np.log10(off.var() / expected.var()) < -35  # the noise in the transition band, where filters differ
    tone = slice(2000, 2000 + target)  # a second: whole periods of the tone
    wave = np.exp(-2j * np.pi * 440 * np.arange(target) / target)
    assert abs(abs(wave @ np.asarray(whole)[tone]) / abs(wave @ expected[tone]) - 1) < 1e-4


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.opus", "a.m4a", "tagged.mp3"])
def test_the_rate_in_a_header(page: Any, tmp_path: Path, name: str) -> None:
    rate = 48_000 if name == "a.opus" else 32_000
    sound = np.sin(np.arange(rate) / 20).astype(np.float32)
    if name in ("a.m4a", "tagged.mp3"):
        if shutil.which("ffmpeg") is None:
            missing("ffmpeg is not installed")
        soundfile.write(tmp_path / "source.wav", sound, rate)
        source, target = str(tmp_path / "source.wav"), str(tmp_path / name)
        command = ["ffmpeg", "-v", "error", "-i", source, "-metadata", "title=a", target]
        subprocess.run(command, check=True)
    else:
        options = {"format": "OGG", "subtype": "OPUS"} if name == "a.opus" else {}
        soundfile.write(tmp_path / name, sound, rate, **options)
    script = """async (bytes) => (await import("/rate.js")).rateOf(new Uint8Array(bytes).buffer)"""
    assert page.evaluate(script, list((tmp_path / name).read_bytes())) == rate


def test_no_rate_in_other_bytes(page: Any) -> None:
    script = """async (contents) => {
        const { rateOf } = await import("/rate.js");
        return contents.map((bytes) => rateOf(new Uint8Array(bytes).buffer) ?? null);
    }"""
    contents = [
        b"",
        b"R",
        b"RIFF",
        b"fLaC",
        b"OggS",
        b"hello, this is text",
        b"\0\0\0\x20ftypM4A ",
        b"ID3",
        b"\xff\xfb",
    ]
    assert page.evaluate(script, [list(content) for content in contents]) == [None] * len(contents)


def test_the_toolkits_silence(page: Any) -> None:
    from toolkit.audio.samples import SILENCE_DB, is_silent

    rng = np.random.default_rng(1)
    noises = [(10 ** (level / 20) * rng.normal(size=4000) + 0.1).astype("f") for level in (-70, -62, -58, -40)]
    script = """async (sounds) => {
        const { isSilent } = await import("/sound.js");
        return sounds.map((sound) => isSilent(Float32Array.from(sound)));
    }"""
    expected = [is_silent(noise, SILENCE_DB) for noise in noises]
    assert expected == [True, True, False, False]
    assert page.evaluate(script, [noise.tolist() for noise in noises]) == expected
