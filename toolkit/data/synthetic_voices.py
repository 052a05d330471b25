"""Ten synthetic sounds that differ in rhythm, timbre and harmony: the classes of the synthetic corpus.

Every voice is called as `voice(rng, n)` and returns n mono samples at 22,050 Hz of any level; what varies from clip
to clip (tempo, key, pattern) comes from `rng`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
Voice = Callable[[np.random.Generator, int], Signal]

RATE = 22_050
TABLE = 4096
MINOR_TRIAD, MAJOR_TRIAD = (0, 3, 7), (0, 4, 7)
PENTATONIC = (0, 2, 4, 7, 9)


def wave(frequency: float | Signal, n: int, partials: Sequence[float]) -> Signal:
    """Return n samples of a tone of a fixed or changing frequency (Hz) with the given amplitudes of its harmonics."""
    angle = 2 * np.pi * np.arange(TABLE) / TABLE
    table = np.sum([level * np.sin(k * angle) for k, level in enumerate(partials, start=1)], axis=0)
    turns = np.cumsum(frequency) / RATE if isinstance(frequency, np.ndarray) else np.arange(n) * (frequency / RATE)
    return np.asarray(table[(turns * TABLE).astype(np.int64) & (TABLE - 1)])


def decay(n: int, seconds: float) -> Signal:
    """Return n samples of an envelope with a 4 ms attack that falls by 60 dB in the given time."""
    time = np.arange(n) / RATE
    return np.asarray(np.minimum(1.0, time / 0.004) * np.exp(-6.9 * time / seconds))


def pitch(base: float, semitones: float) -> float:
    """Return the frequency so many equal-tempered semitones above a base frequency (Hz)."""
    return float(base * 2.0 ** (semitones / 12))


def key(rng: np.random.Generator, lowest: float) -> float:
    """Return a key note (Hz) somewhere in the octave above a frequency."""
    return pitch(lowest, float(rng.integers(0, 12)))


def sequence(n: int, step: float, sound: Callable[[int], Signal]) -> Signal:
    """Return n samples with `sound(number)` begun at every multiple of `step` seconds; sounds may overlap."""
    out = np.zeros(n)
    for number in range(int(np.ceil(n / RATE / step))):
        begin = int(number * step * RATE)
        grain = sound(number)[: n - begin]
        out[begin : begin + len(grain)] += grain
    return out


def arpeggio(rng: np.random.Generator, n: int) -> Signal:
    """Quick plucked notes that run up and down a triad over two octaves."""
    base, step = key(rng, 196.0), float(rng.uniform(0.11, 0.17))
    triad = MINOR_TRIAD if rng.random() < 0.5 else MAJOR_TRIAD
    ladder = [*triad, *(tone + 12 for tone in triad), 24]
    ladder += ladder[-2:0:-1]
    length = int(0.35 * RATE)
    notes = {tone: wave(pitch(base, tone), length, (1, 0.6, 0.4, 0.3, 0.2)) * decay(length, 0.35) for tone in ladder}
    return sequence(n, step, lambda number: notes[ladder[number % len(ladder)]])


def bass_drone(rng: np.random.Generator, n: int) -> Signal:
    """A low tone and its fifth, held throughout, that beat slowly against each other."""
    base = key(rng, 41.2)
    swell = 0.8 + 0.2 * wave(float(rng.uniform(0.08, 0.25)), n, (1,))
    return (wave(base, n, (1, 0.8, 0.6, 0.4, 0.3, 0.2)) + 0.6 * wave(1.503 * base, n, (1, 0.5, 0.3))) * swell


def clicks(rng: np.random.Generator, n: int) -> Signal:
    """Short dry clicks in an even beat, some of them left out."""
    step, heard = float(rng.uniform(0.20, 0.32)), rng.random(n) > 0.25
    length = int(0.02 * RATE)
    click = rng.standard_normal(length) * decay(length, 0.02)
    return sequence(n, step, lambda number: click * heard[number])


def chirps(rng: np.random.Generator, n: int) -> Signal:
    """Whistles that glide up over several octaves, one after the other."""
    step, low, span = float(rng.uniform(0.7, 1.2)), key(rng, 250.0), float(rng.uniform(3.0, 4.2))
    length = int(0.85 * step * RATE)
    glide = low * 2.0 ** (span * np.linspace(0, 1, length))
    chirp = wave(glide, length, (1,)) * np.hanning(length) ** 0.3
    return sequence(n, step, lambda number: chirp)


def chords(rng: np.random.Generator, n: int) -> Signal:
    """Organ-like triads, each held for one to two seconds."""
    base, step = key(rng, 130.8), float(rng.uniform(1.1, 2.0))
    roots = rng.permutation((0, 5, 7, 9))
    length = int(step * RATE)
    edge = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.05 * RATE))

    def chord(root: int) -> Signal:
        tones = [wave(pitch(base, root + tone), length, (1, 0.7, 0, 0.5, 0, 0, 0, 0.25)) for tone in MAJOR_TRIAD]
        return np.asarray(np.sum(tones, axis=0) * edge)

    played = [chord(int(root)) for root in roots]
    return sequence(n, step, lambda number: played[number % len(played)])


def noise_bursts(rng: np.random.Generator, n: int) -> Signal:
    """Washes of hiss that swell and stop."""
    step = float(rng.uniform(0.9, 1.6))
    length = int(float(rng.uniform(0.5, 0.75)) * step * RATE)
    hiss = np.diff(rng.standard_normal(length + 1)) * np.linspace(0.05, 1, length) ** 2
    return sequence(n, step, lambda number: hiss)


def bells(rng: np.random.Generator, n: int) -> Signal:
    """Struck bells with inharmonic overtones that ring on for seconds."""
    base, step = key(rng, 440.0), float(rng.uniform(0.8, 1.4))
    length = int(3.0 * RATE)

    def bell(tone: int) -> Signal:
        parts = ((1.0, 1.0, 2.8), (2.76, 0.7, 2.0), (5.40, 0.45, 1.2), (8.93, 0.3, 0.7))
        note = pitch(base, tone)
        sounds = [level * wave(note * ratio, length, (1,)) * decay(length, ring) for ratio, level, ring in parts]
        return np.asarray(np.sum(sounds, axis=0))

    rung = [bell(tone) for tone in PENTATONIC]
    melody = rng.integers(0, len(rung), n)
    return sequence(n, step, lambda number: rung[melody[number]])


def bass_pulse(rng: np.random.Generator, n: int) -> Signal:
    """A thud on every beat with a tick of hiss between."""
    beat = 60 / float(rng.uniform(108, 140))
    length = int(0.3 * RATE)
    drop = 48.0 + 110.0 * np.exp(-np.arange(length) / (0.03 * RATE))
    thud = wave(drop, length, (1, 0.3)) * decay(length, 0.3)
    tick = 0.25 * np.diff(rng.standard_normal(length + 1)) * decay(length, 0.06)
    return sequence(n, beat / 2, lambda number: tick if number % 2 else thud)


def tremolo(rng: np.random.Generator, n: int) -> Signal:
    """A held hollow tone in the middle of the range whose loudness flutters."""
    flutter = 0.5 + 0.5 * wave(float(rng.uniform(2.0, 3.2)), n, (1,))
    return wave(key(rng, 330.0), n, (1, 0, 0.5, 0, 0.33, 0, 0.25, 0, 0.2, 0, 0.15)) * flutter**2


def vibrato_lead(rng: np.random.Generator, n: int) -> Signal:
    """One singing line of long notes that waver widely in pitch."""
    base, step = key(rng, 392.0), float(rng.uniform(0.9, 1.5))
    tones = rng.choice((*PENTATONIC, 12), int(n / RATE / step) + 1)
    note = base * 2.0 ** (tones[(np.arange(n) / (step * RATE)).astype(np.int64)] / 12)
    waver = 2.0 ** (float(rng.uniform(1.0, 1.8)) / 12 * wave(float(rng.uniform(1.3, 2.0)), n, (1,)))
    return wave(note * waver, n, (1, 0.5, 0.6, 0.3, 0.2))


VOICES: dict[str, Voice] = {
    "arpeggio": arpeggio,
    "bass-drone": bass_drone,
    "bass-pulse": bass_pulse,
    "bells": bells,
    "chirps": chirps,
    "chords": chords,
    "clicks": clicks,
    "noise-bursts": noise_bursts,
    "tremolo": tremolo,
    "vibrato-lead": vibrato_lead,
}
"""The classes' voices by name, sorted: a voice's place is its label number."""
