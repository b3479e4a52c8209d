"""``python -m benchmarks.page``: write docs/benchmarks.md from the committed result.json, and nothing else."""

from __future__ import annotations

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
    parts = [HEAD.format(**{**machine, "rounds": result["rounds"], "versions": versions, "load": machine["load"][0]})]
    parts += [f"## {title}\n\n" + "\n".join(lines) + "\n" for title, lines in report.sections(result)]
    page.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
