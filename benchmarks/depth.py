"""Write docs/depth/records.json, which the pages on the textbook's tasks and on depth are tested against.

    python -m benchmarks.depth COMPARISON ... --across ACROSS

COMPARISON is a finished folder of ``minidl compare <task>_<cell>_single <task>_<cell>_deep --seeds 30``, of each task
and cell; ACROSS that of ``minidl compare --across`` over all of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).parents[1] / "docs/depth/records.json"
TASKS = ("subtraction", "digits", "echo", "letters", "names")
CELLS = {"": "tanh", "lstm": "LSTM", "gru": "GRU"}


def recorded(comparison: dict[str, Any]) -> dict[str, Any]:
    """What the pages need of a ``comparison.json``."""
    (pair,) = comparison["pairs"]
    row, single = pair["rows"]["all"], pair["first"]
    task, *cell = single.removesuffix("_single").split("_")
    return {
        "task": task,
        "cell": CELLS["".join(cell)],
        "configs": {
            name: {
                "parameters": config["parameters"],
                "engines": config["engines"],
                "accuracy": [round(value, 8) for value in config["scores"]["all"]["accuracy"]["values"]],
            }
            for name, config in comparison["configs"].items()
        },
        "baselines": {name: found["scores"]["all"]["accuracy"] for name, found in comparison["baselines"].items()},
        "difference": {name: row[name] for name in ("mean", "low", "high", "p", "detectable")}
        | {"over_both": [row["both"]["low"], row["both"]["high"]]},
        "better": comparison["verdict"]["pairs"][0]["better"],
    }


def written(comparisons: Sequence[dict[str, Any]], across: dict[str, Any]) -> str:
    """The file, a line for each comparison."""
    found = sorted(
        map(recorded, comparisons), key=lambda one: (TASKS.index(one["task"]), [*CELLS.values()].index(one["cell"]))
    )
    lines = ",\n".join(f"  {json.dumps(one)}" for one in found)
    kept = json.dumps({name: across[name] for name in ("contenders", "pairs")})
    return f'{{\n "comparisons": [\n{lines}\n ],\n "across": {kept}\n}}\n'


def main() -> None:
    """Read what was made, and write the file."""
    parser = argparse.ArgumentParser(description="Write the records of the pages on depth.")
    parser.add_argument("comparisons", nargs="+", type=Path, metavar="COMPARISON")
    parser.add_argument("--across", required=True, type=Path)
    args = parser.parse_args()
    comparisons = [json.loads((folder / "comparison.json").read_text("utf-8")) for folder in args.comparisons]
    across = json.loads((args.across / "across.json").read_text("utf-8"))
    RECORDS.write_text(written(comparisons, across), encoding="utf-8")


if __name__ == "__main__":
    main()
