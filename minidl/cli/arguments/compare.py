"""Compare configs over seeds: spread, paired differences, baselines, and a verdict in words.

Every config is trained with seeds 0 to N-1, all in parallel. What differs between
the configs is said first. The folder runs/compare-<NNN> gets comparison.json,
report.md, report.html and figures. Started again, the same command goes on where it
was stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.arguments.shared import add_json, add_overrides, add_plugin, add_workers


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "configs", metavar="CONFIG", nargs="*", help="config files or shipped names; with --merge and --across folders"
    )
    seeds = "seeds 0 to N-1 for each; default 10 (to find half a standard deviation takes 30 to 87)"
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help=seeds)
    parser.add_argument(
        "--smallest", type=float, metavar="D", help="the smallest difference of the leading metric that matters"
    )
    add_workers(parser)
    parser.add_argument("--shard", metavar="I/N", help="do only every N-th run, from the I-th on; see --merge")
    parser.add_argument("--merge", action="store_true", help="join the folders of all shards into one comparison")
    parser.add_argument(
        "--outside", action="append", default=[], metavar="FILE.csv", help="forecasts of another program; repeatable"
    )
    parser.add_argument("--across", action="store_true", help="ranks, wins and skill over finished comparisons")
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with this comparison")
    parser.add_argument("--fresh", action="store_true", help="start anew, even if the same comparison is unfinished")
    parser.add_argument(
        "--no-protocol", action="store_true", help="train nothing that only shows what the protocol's shortcuts do"
    )
    add_overrides(parser)
    add_plugin(parser)
    add_json(parser)
