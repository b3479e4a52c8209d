"""Train a config's model, score it beside the baselines, and leave a run folder.

Ctrl-C stops after the current step and saves everything, so that minidl resume can
go on; a second one leaves at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.arguments.shared import add_config, add_json


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_config(parser)
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="the run's folder, which must not exist; default: runs/<config>-<NNN>",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="two steps through training, validation, checkpoints, scores and figures, to see that they work; "
        "nothing is left of them",
    )
    parser.add_argument(
        "--overfit-batch",
        type=int,
        metavar="N",
        help="train on N examples only until they are learned, to see whether the model can learn at all; no run "
        "is left, and the exit code is 1 if they were not",
    )
    add_json(parser)
