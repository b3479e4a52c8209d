"""``python -m benchmarks.page``: write docs/benchmarks.md from the committed result files, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import report

FOLDER = Path(__file__).parent
RUNS = [("Tanh layers", "result.json"), ("LSTMs and GRUs", "cells.json"), ("Long tables", "tables.json")]
HEAD = """# Benchmarks

Each part is one run of `python -m benchmarks`; `benchmarks/README.md` says how it measures. Absolute times wander with the machine's load: trust ratios.

The models are stacks of recurrent layers with 6 features and 24 steps (4 to 64 units), 32 features and 100 steps (256, 256+256) or 64 features and 50 steps (1024), trained on batches of 64 windows. A GRU's reset follows the product, as in PyTorch and Keras. "Own cell" is a `Cell` of a user with the equations of an LSTM.

"Limit" is the time of the multiplications at the fastest matrix product measured on that core, and of the tanh and sigmoid calls. "Ratio at the limit" is what a program at the limit would reach: where it is below "must", no program on this machine can reach it. "must" and "aim" are minidl's own targets. With two threads the second core is shared with everything else that runs; that table wanders most. "To one thread" is how many times faster minidl's compiled engine is than with one thread, measured in turn; where it is missing, that engine had one thread in both tables. In those runs two threads lacked what half a batch cost: the products of 32 windows went through tiles of one vector of 512 bits, and took 0.59 (64 units) to 0.75 (LSTM 64) of the time of 64 windows; with tiles of two vectors it is 0.51 and 0.55 (least of eight in turn, on a busy machine). The machine itself gives two processes that multiply matrices of 256 rows apart 1.8 times the speed of one.

The machine of the second part has vectors of 512 bits. In two quiet runs before arrays began at cache lines LSTM 4 was at 29.2 and 27.8 to PyTorch, 7.5 and 6.8 to JAX, LSTM 256 at 1.33 and 1.25 to PyTorch. On a slower machine with vectors of 256 bits, in one run, LSTM 4 was at 33 and 5.9, LSTM 16 at 6.5 and 2.9, LSTM 256 at 1.23 and 1.65, GRU 256 at 1.22 and 1.40.

The training on a long table is one epoch of a net of 8 units, the shortest that there is; with more epochs the share of reading is as much smaller.

`minidl compare` trains its runs in processes: in threads of one process, tried once, the 30 seeds gave the same weights to the bit in 37 s instead of 34.
"""  # noqa: E501
RUN = """## {title}

`benchmarks/{name}`, {rounds} rounds. Machine: {cpu}, {cpus} cores, Python {python}, {versions}; \
load before the run {load:.1f}{busy}.
"""
# More than this beside the run: others had a share of the cores.
QUIET = 2


def part(title: str, name: str, result: dict[str, Any]) -> str:
    """One run, written in the file of this name: on what it was measured, and its tables."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number)
    load = machine["load"][0]
    busy = ": the machine was busy with other work while this was measured" if load > QUIET else ""
    given = {**machine, "rounds": result["rounds"], "versions": versions, "load": load, "busy": busy}
    head = RUN.format(**given, title=title, name=name)
    tables = [f"### {table}\n\n" + "\n".join(lines) + "\n" for table, lines in report.sections(result)]
    return "\n".join([head, *tables])


def page() -> str:
    """The page's text."""
    parts = [part(title, name, json.loads((FOLDER / name).read_text(encoding="utf-8"))) for title, name in RUNS]
    return "\n".join([HEAD, *parts])


def main() -> None:
    """Write the page."""
    Path("docs/benchmarks.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
