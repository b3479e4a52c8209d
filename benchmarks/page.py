"""``python -m benchmarks.page``: write docs/benchmarks.md from the committed result.json, and nothing else."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from benchmarks import report

HEAD = """# Benchmarks

Quoted from `benchmarks/result.json`, one run of `python -m benchmarks` with {rounds} rounds; `benchmarks/README.md` says how it measures. Machine: {cpu}, {cpus} cores, Python {python}, {versions}; load before the run {load:.1f}. Absolute times wander with the machine's load: trust ratios.

The models are stacks of tanh layers with 6 features and 24 steps (4 to 64 units), 32 features and 100 steps (256, 256+256) or 64 features and 50 steps (1024), trained on batches of 64 windows.
"""  # noqa: E501


def main(result_file: Path = Path("benchmarks/result.json"), page: Path = Path("docs/benchmarks.md")) -> None:
    """Write the page."""
    result = json.loads(result_file.read_text(encoding="utf-8"))
    machine: dict[str, Any] = result["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items() if number)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print(HEAD.format(**{**machine, "rounds": result["rounds"], "versions": versions, "load": machine["load"][0]}))
        _section("µs a training step", report.training_table(result["training"]))
        _section("MB of training above the import", report.memory_table(result["training"]))
        inference = result.get("inference")
        one = inference["one"] if inference else {}
        _section("Targets", report.target_lines(result["training"], one))
        if inference:
            _section("Inference, 4 units", report.inference_table(inference))
            _section(
                "Whole commands", ["| command | time |", "| --- | --- |", *report.command_table(result["commands"])]
            )
    page.write_text(out.getvalue().rstrip() + "\n", encoding="utf-8")


def _section(title: str, lines: list[str]) -> None:
    print(f"## {title}\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
