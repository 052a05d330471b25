"""Which front end a run hears with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.frontend.presets import PRESETS, to_json
from toolkit.frontend.spec import PICTURE
from train.front_end import chosen_front_end, chosen_kind, front_end_note
from train.registry import NETWORKS

EDGENET = NETWORKS["edgenet"]


def test_the_networks_own_a_preset_or_a_file(tmp_path: Path) -> None:
    assert chosen_front_end(NETWORKS["zfnet"], None, None, None) == PICTURE
    assert chosen_front_end(EDGENET, None, None, None) == PRESETS["log-mel"]
    assert chosen_front_end(EDGENET, "yamnet", None, None) == PRESETS["yamnet"]
    own = replace(PRESETS["log-mel"], n_mels=40)
    (tmp_path / "own.json").write_text(to_json(own))
    assert chosen_front_end(EDGENET, str(tmp_path / "own.json"), None, None) == own


def test_window_and_hop_come_before_the_front_ends() -> None:
    spec = chosen_front_end(EDGENET, None, 3.0, 1.5)
    assert spec == replace(PRESETS["log-mel"], window_seconds=3.0, hop_seconds=1.5)
    assert chosen_front_end(EDGENET, "yamnet", None, 0.0).hop_seconds == 0
    with pytest.raises(UsageError, match="--window, --hop: .*hop_seconds is 0.48; it must be at most a window"):
        chosen_front_end(EDGENET, "yamnet", 0.4, None)


def test_pictures_are_used_where_they_show_the_front_end() -> None:
    for name in ("gtzan-picture", "mel-grid"):
        assert chosen_kind(PRESETS[name], None) is None
        assert chosen_kind(PRESETS[name], "audio") == "audio"
    for spec in (PRESETS["log-mel"], replace(PICTURE, window_seconds=5.0)):
        assert chosen_kind(spec, None) == "audio"
        with pytest.raises(UsageError, match="use --kind audio"):
            chosen_kind(spec, "pictures")


def test_a_report_notes_what_differs_from_the_paper() -> None:
    assert front_end_note(PICTURE.to_dict()) == ""
    assert front_end_note(replace(PICTURE, window_seconds=5.0).to_dict()) == "picture 288 x 432 of 5 s"
    assert front_end_note(PRESETS["yamnet"].to_dict()) == "grid 64 x 96 of 0.975 s every 0.48 s"
