"""The flags of a network that others pretrained, and the job they describe."""

from __future__ import annotations

import argparse
from pathlib import Path

from export.pretrained.groups import read_groups
from export.pretrained.head import HeadJob
from export.pretrained.pipeline import PretrainedJob
from export.variants import FEATURES
from toolkit.artifact.card import CALIBRATED
from toolkit.artifact.card_checks import NO_ACTIVATION
from toolkit.command import Parser
from toolkit.data.run_folder import Run
from toolkit.errors import UsageError

NEW = Path("-")
"""What `--head` without a value stands for."""
NOT_OURS = ("labels", "front_end", "axes", "qat", "head")
OF_GROUPS = ("activation", "data", "split")


def add_flags(parser: Parser) -> None:
    """Add the flags that make RUN the name of a pretrained network."""
    add = parser.add_argument_group("a pretrained network as it is, by its name (mn04)").add_argument
    add("--tagger", action="store_true", help="with all classes that it was pretrained on, of which several may apply")
    add("--embedding", action="store_true", help="up to its features, which `python -m runtime embed` writes")
    groups_help = "with labels of your own: CSV of a name and its classes per line, or JSON of lists by name"
    add("--labels-from", type=Path, metavar="FILE", help=groups_help)


def add_head_flag(parser: Parser) -> None:
    """Add the flag that exports a run's head alone."""
    head_help = "of a run, the head alone, for this file of its backbone's embedding (default: one that is written too)"
    parser.add_argument("--head", nargs="?", const=NEW, type=Path, metavar="BACKBONE", help=head_help)


def head_job(run: Run, arguments: argparse.Namespace) -> HeadJob:
    """Return the job of `--head`; raise `UsageError` where arguments do not go together."""
    backbone = None if arguments.head == NEW else arguments.head
    if arguments.input != FEATURES:
        raise UsageError(f"--input {arguments.input} does not go with --head: leave it out")
    if backbone and arguments.quantize:
        raise UsageError("--quantize does not go with --head BACKBONE, which has its precision: leave one out")
    if arguments.quantize in CALIBRATED or arguments.qat:
        raise UsageError(
            f"--head --quantize {arguments.quantize}: write the backbone first, with --embedding and "
            "--calibration-sounds DIR, and name it: --head FILE"
        )
    return HeadJob(run, arguments.data, backbone)


def is_pretrained(arguments: argparse.Namespace) -> bool:
    """Return whether the flags name a pretrained network rather than a run."""
    return bool(arguments.tagger or arguments.embedding or arguments.labels_from)


def job_of(arguments: argparse.Namespace) -> PretrainedJob:
    """Return the job that arguments describe; raise `UsageError` where they do not go together."""
    file = arguments.labels_from
    flag = "--labels-from" if file else "--embedding" if arguments.embedding else "--tagger"
    if arguments.run is None:
        raise UsageError(f"{flag} needs the name of a pretrained network: python -m export mn04 {flag}")
    for name in (*NOT_OURS, *(() if file else OF_GROUPS)):
        if getattr(arguments, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} does not go with {flag}, for a network as it is")
    if arguments.embedding and (file or arguments.tagger):
        raise UsageError("--embedding has no labels: leave --tagger and --labels-from out, or export twice")
    if arguments.embedding and arguments.input != FEATURES:
        raise UsageError(f"--input {arguments.input} does not go with --embedding: leave it out")
    if arguments.split and arguments.data is None:
        raise UsageError("--split needs --data: it divides a dataset")
    if arguments.calibration_sounds and arguments.data:
        raise UsageError("--calibration-sounds is for a model without --data, which has training clips: name one")
    return PretrainedJob(
        network=str(arguments.run),
        part="embedding" if arguments.embedding else "tagger",
        window=arguments.window,
        groups=read_groups(file) if file else None,
        groups_file=file,
        activation=(arguments.activation or "softmax") if file else NO_ACTIVATION if arguments.embedding else "sigmoid",
        data=arguments.data,
        split=arguments.split,
        sounds=arguments.calibration_sounds,
    )
