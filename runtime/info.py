"""`python -m runtime info MODEL`: a model file's card, as text."""

from __future__ import annotations

from pathlib import Path

from toolkit.artifact.card import Card
from toolkit.artifact.file import read_model


def checked_card(path: Path) -> Card:
    """Return the card of a model file whose bytes are those the card is of; raise `ArtifactError` otherwise."""
    return read_model(path).card


def described(path: Path, card: Card) -> str:
    """Return a card as lines of text for people."""
    accuracy, parity, spec = card.accuracy, card.parity, card.front_end
    low, high = accuracy.wilson95
    trained = f"{card.dataset.name}, split {card.split.name}"
    counted = f"{accuracy.correct} of {accuracy.n}, {accuracy.part}"
    integers = f", scale {card.input.scale:g}, zero point {card.input.zero_point}" if card.input.scale else ""
    rows = {
        "file": f"{path}, {path.stat().st_size / 1e6:.2f} MB",
        "network": f"{card.model}, {card.precision}",
        "layers": ", ".join(f"{name} {kind}" for name, kind in card.layers.items()),
        "float operators": ", ".join(card.float_ops),
        "fine-tuned": f"epochs for int8: {card.fine_tuning.epochs}" if card.fine_tuning else "",
        "labels": ", ".join(card.labels),
        "input": f"a {card.input_level}, {card.input.dtype} {card.input.shape}{integers}",
        "front end": f"{spec.sample_rate} Hz, {spec.n_mels} mel bands, n_fft {spec.n_fft}, hop {spec.hop_length}, "
        f"windows of {spec.window_seconds:g} s, shorter sounds: {spec.short}",
        "trained on": trained,
        "accuracy": f"{accuracy.accuracy:.3f} [{low:.3f}, {high:.3f}] ({counted})",
        "beside Keras": f"{parity.top1_agreement:.1%} of the labels, largest difference {parity.max_abs:g} "
        f"on {parity.pictures} pictures",
        "temperature": f"{card.temperature:g}",
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
