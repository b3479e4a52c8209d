"""Write a run's model as an ONNX file, which other programs run.

Its input x holds windows as the run's data are scaled (scale.json), its output y is scaled as well.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.arguments.shared import add_checkpoint, add_plugin


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the file here (must not exist); default: <run>.onnx"
    )
    add_checkpoint(parser)
    add_plugin(parser)
