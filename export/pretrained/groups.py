"""One's own labels from groups of the classes that a network was pretrained on, without any training.

A group's logit is the largest of its classes': the sound resembles the group as much as the class that it resembles
most. Labels that exclude each other get the softmax over the groups' logits, others each its sigmoid, which is the
largest of the classes' probabilities.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.artifact.text_checks import label_problems
from toolkit.dataclass_json import unique_fields
from toolkit.errors import UsageError

Groups = Mapping[str, Sequence[str]]
"""Classes by the name of one's own label."""


def read_groups(path: Path) -> Groups:
    """Return the groups in a file, in its order.

    One named .json holds an object of lists of classes by name, any other is CSV, a group per line: its name, then its
    classes. Raises `UsageError`, which names the file, if it cannot be read or has no two groups of a class or more.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        groups = _of_json(text) if path.suffix.lower() == ".json" else _of_csv(text)
    except OSError as error:
        raise UsageError(f"--labels-from {path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise UsageError(f"--labels-from {path}: no UTF-8 text: save it as UTF-8") from None
    except (ValueError, RecursionError, csv.Error) as error:
        raise UsageError(f"--labels-from {path}: {error}") from None
    if problem := next(label_problems(tuple(groups)), None):
        raise UsageError(f"--labels-from {path}: {problem}")
    if empty := [name for name, classes in groups.items() if not classes]:
        raise UsageError(
            f"--labels-from {path}: {empty[0]} has no classes: name one or more behind it, with commas between"
        )
    return groups


def _of_json(text: str) -> Groups:
    value = json.loads(text, object_pairs_hook=unique_fields)
    lists = value.values() if isinstance(value, dict) else [None]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise ValueError('it is no JSON object such as {"music": ["Music", "Singing"]}')
    return dict(value)


def _of_csv(text: str) -> Groups:
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), strict=True)]
    rows = [row for row in rows if any(row)]
    names = [row[0] for row in rows]
    if repeated := [name for at, name in enumerate(names) if name in names[:at]]:
        raise ValueError(f"{repeated[0]} has two lines: put its classes on one")
    return {name: [cell for cell in classes if cell] for name, *classes in rows}


def places(path: Path, groups: Groups, classes: Sequence[str]) -> list[list[int]]:
    """Return the numbers of each group's classes; raise `UsageError`, with near matches, where one is no class."""
    numbers = {name.lower(): number for number, name in enumerate(classes)}
    for name, members in groups.items():
        for member in members:
            if member.lower() not in numbers:
                close = difflib.get_close_matches(member.lower(), numbers, 3, 0.5)
                close += [lower for lower in numbers if member.lower() in lower and lower not in close][:3]
                near = " or ".join(classes[numbers[lower]] for lower in close)
                hint = f": did you mean {near}?" if near else f": there are {len(classes)} others"
                raise UsageError(f"--labels-from {path}: {name}: the network has no class {member!r}{hint}")
    return [[numbers[member.lower()] for member in members] for members in groups.values()]


def grouped(model: Any, columns: Sequence[Sequence[int]], activation: str) -> Any:
    """Return a Keras model that scores groups of the classes of `model`, which ends in a dense layer."""
    from tf_keras import Model, layers

    last, count = model.layers[-1], len(columns)
    most = max(map(len, columns))
    # A maximum over equally many: a shorter group repeats its last class.
    order = [members[min(at, len(members) - 1)] for at in range(most) for members in columns]
    dense = layers.Dense(len(order), name="classes")
    value = dense(last.input)
    if most > 1:
        value = layers.Reshape((most, 1, count), name="members")(value)
        value = layers.MaxPooling2D((most, 1), name="largest")(value)
        value = layers.Flatten(name="groups")(value)
    value = layers.Activation(activation, name="scores")(value)
    kernel, bias = last.get_weights()
    dense.set_weights([kernel[:, order], bias[order]])
    return Model(model.input, value, name=model.name)
