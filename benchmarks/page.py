"""``python -m benchmarks.page``: write docs/benchmarks.md from the committed result.json, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import report

HEAD = """# Benchmarks

Quoted from `benchmarks/result.json`, one run of `python -m benchmarks` with {rounds} rounds; `benchmarks/README.md` says how it measures. Machine: {cpu}, {cpus} cores, Python {python}, {versions}; load before the run {load:.1f}. Absolute times wander with the machine's load: trust ratios.

The models are stacks of tanh layers with 6 features and 24 steps (4 to 64 units), 32 features and 100 steps (256, 256+256) or 64 features and 50 steps (1024), trained on batches of 64 windows.

"Limit" is the time of the multiplications at the fastest matrix product measured on that core, and of the tanh calls. "Ratio at the limit" is what a program at the limit would reach: where it is below "must", no program on this machine can reach it. "must" and "aim" are minidl's own targets. With two threads the second core is shared with everything else that runs; that table wanders most. minidl's compiled engine uses one thread in both.

`minidl compare` trains its runs in processes: in threads of one process, tried once, the 30 seeds gave the same weights to the bit in 37 s instead of 34.
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
