"""`python -m runtime info MODEL`: a model file's card, as text."""

from __future__ import annotations

from pathlib import Path

from runtime.prediction import FEW, MANY
from toolkit.artifact.card import Card
from toolkit.artifact.file import read_model


def checked_card(path: Path) -> Card:
    """Return the card of a model file whose bytes are those the card is of; raise `ArtifactError` otherwise."""
    return read_model(path).card


def described(path: Path, card: Card) -> str:
    """Return a card as lines of text for people."""
    parity, spec, golden = card.parity, card.front_end, card.golden
    origin = ", ".join(text for text in card.origin if text)
    integers = f", scale {card.input.scale:g}, zero point {card.input.zero_point}" if card.input.scale else ""
    level = f"{'an' if card.backbone else 'a'} {card.input_level}"
    axes = f" of {', '.join(card.axes)}" if card.axes else ""
    rows = {
        "file": f"{path}, {path.stat().st_size / 1e6:.2f} MB",
        "network": f"{card.model}, {card.precision}",
        "layers": ", ".join(f"{name} {kind}" for name, kind in card.layers.items()),
        "float operators": ", ".join(card.float_ops),
        "fine-tuned": f"epochs for int8: {card.fine_tuning.epochs}" if card.fine_tuning else "",
        "labels": "" if card.is_embedding else _labels(card.labels),
        "input": f"{level}, {card.input.dtype} {card.input.shape}{axes}{integers}",
        "backbone": f"digest {card.backbone}" if card.backbone else "",
        "front end": f"{spec.sample_rate} Hz, {spec.n_mels} mel bands, n_fft {spec.n_fft}, hop {spec.hop_length}, "
        f"windows of {spec.window_seconds:g} s, shorter sounds: {spec.short}",
        "output": _output(card),
        "trained on": f"{card.dataset.name}, split {card.split.name}" if card.dataset.name else "",
        "accuracy": "" if card.is_embedding else _accuracy(card),
        **{name: f"{value:.3f}" for name, value in card.metrics.items()},
        "beside Keras": f"{parity.top1_agreement:.1%} of the labels, largest difference {parity.max_abs:g} "
        f"on {parity.pictures} pictures"
        if parity
        else "",
        "golden samples": f"{len(golden.samples)}, which `python -m runtime doctor {path}` runs" if golden else "",
        "origin": "" if origin == "run" else origin,
        "temperature": f"{card.temperature:g}",
        "unknown below": f"{card.min_confidence:g}" if card.min_confidence else "",
        "calibrated on": f"{card.calibration.items} training pictures, {card.calibration.edges} synthetic ones"
        if card.calibration
        else "",
        "licence": card.licence,
        "note": card.dataset.notice,
        "run": card.run_digest,
        "versions": ", ".join(f"{name} {version}" for name, version in card.versions.items()),
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows.items() if text)


def _output(card: Card) -> str:
    if card.is_embedding:
        return f"an embedding of {len(card.labels)} features"
    return f"scores of each label, {_thresholds(card)}" if card.multi_label else ""


def _accuracy(card: Card) -> str:
    accuracy = card.accuracy
    if accuracy is None:
        return "unknown"
    low, high = accuracy.wilson95
    counted = f"{accuracy.correct} of {accuracy.n}, {accuracy.part}"
    return f"{accuracy.accuracy:.3f} [{low:.3f}, {high:.3f}] ({counted})"


def _thresholds(card: Card) -> str:
    low, high = min(card.thresholds), max(card.thresholds)
    return f"thresholds {low:g} to {high:g}" if low < high else f"threshold {low:g}"


def _labels(labels: tuple[str, ...]) -> str:
    if len(labels) <= MANY:
        return ", ".join(labels)
    return f"{'; '.join(labels[:FEW])}; and {len(labels) - FEW} more"
