"""Copies of a run that are changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from toolkit.data.run_folder import config_digest
from toolkit.files import read_json, write_json


def copied(run: Path, target: Path) -> Path:
    shutil.copytree(run, target)
    return target


def change(run: Path, path: str, value: Any, name: str = "config.json") -> None:
    content = read_json(run / name)
    *parents, last = path.split(".")
    place = content
    for parent in parents:
        place = place[parent]
    place[last] = value
    if name == "config.json" and isinstance(content["data"], dict):
        content["digest"] = config_digest(content)
    write_json(run / name, content)
