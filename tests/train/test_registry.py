"""Networks by name, from this package and from outside of it."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_commands import ROOT, blocks
from tests.toolkit.trees import write_sound
from toolkit.errors import UsageError
from toolkit.frontend.presets import PRESETS
from toolkit.frontend.spec import PICTURE
from train.networks import GTZANET
from train.registry import NETWORKS, Network, find_network


def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    (tmp_path / "outside_network.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "outside_network", raising=False)
    importlib.invalidate_caches()


def test_unknown_network_names_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match="edgenet, gtzanet, mn04, yamnet, zfnet; one of your own is package.module:NETWORK"
    ):
        find_network("resnet")


def test_every_networks_front_end_fits_it() -> None:
    for name, network in NETWORKS.items():
        assert network.name == name
        network.check_input(PRESETS[network.front_end])


def test_a_table_fits_what_its_pools_leave_something_of() -> None:
    network = Network("own", GTZANET)
    network.check_input(PICTURE)
    with pytest.raises(UsageError, match="own does not fit the front end's 64 x 313 x 1: .*edgenet"):
        network.check_input(PRESETS["log-mel"])


@pytest.mark.parametrize("name", ["", "Own", "a/b", "-x", "a b"])
def test_a_name_that_can_be_no_files_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="a name is of small letters"):
        Network(name, GTZANET)


@pytest.mark.parametrize(
    ("code", "attribute", "words"),
    [
        ("def", "NETWORK", "invalid syntax"),
        ("x = 1 / 0", "NETWORK", "division by zero"),
        ("", "NETWORK", "has no attribute 'NETWORK'"),
        ("NETWORK = 3", "NETWORK", r"it is int, not a train\.registry\.Network"),
        ("", "", "has no attribute ''"),
    ],
)
def test_what_is_no_network_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, attribute: str, words: str
) -> None:
    outside(tmp_path, monkeypatch, code)
    with pytest.raises(UsageError, match=f"network outside_network:{attribute}: .*{words}"):
        find_network(f"outside_network:{attribute}")


def test_a_module_that_imports_tensorflow_too_early_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys; sys.modules['tensorflow'] = sys\nfrom train.registry import *\nNETWORK = Network('x', ())"
    outside(tmp_path, monkeypatch, code)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    try:
        with pytest.raises(UsageError, match="its module imports TensorFlow: do that in its function build"):
            find_network("outside_network:NETWORK")
    finally:
        sys.modules.pop("tensorflow", None)


@pytest.mark.slow
def test_contributings_network_trains_from_outside_the_package(tmp_path: Path) -> None:
    """It is killed after an epoch and carried on, so that the run's folder must name where the network is."""
    (code,) = blocks(ROOT / "CONTRIBUTING.md", "python")
    (tmp_path / "tiny.py").write_text(code)
    for place, label in enumerate(("hum", "tap")):
        for number in range(4):
            write_sound(tmp_path / "data" / label / f"{'abcd'[number]}.wav", 10 * place + number, seconds=1.2)

    def train(point: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        driver = Path(__file__).with_name("driver.py")
        environment = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "XDG_CACHE_HOME": str(tmp_path / "cache")}
        command = [sys.executable, str(driver), point, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)

    options = ("--split", "stratified", "--folds", "2", "--epochs", "2", "--device", "cpu", "--window", "1")
    done = train("after-checkpoint", "tiny:NETWORK", "--data", tmp_path / "data", "--name", "run", *options)
    assert done.returncode < 0, done.stderr
    done = train("nowhere", "tiny:NETWORK", "--resume")
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "runs" / "run" / "config.json").read_text())
    assert (config["model"], config["network"]) == ("tiny", "tiny:NETWORK")
    assert config["front_end"]["window_seconds"] == 1
    assert (tmp_path / "runs" / "run" / "model.keras").exists()
    report = (tmp_path / "runs" / "run" / "report.md").read_text()
    assert "The network hears a grid 64 x 63 of 1 s." in report
