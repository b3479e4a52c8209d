"""``python -m benchmarks.commands OTHER``: whole commands of this checkout beside those of another one, in turn.

OTHER is the folder of another checkout, for example an earlier state (``git worktree add ../before v1``). Each command
runs in an empty folder and a process of its own; the first call of each, which compiles and fills the caches, does
not count. Printed are minimum and median of the seconds, and the ratios of both: below 1 this checkout is the faster.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS = (
    "--version",
    "train --help",
    "list layers",
    "train pm25_single",
    "train pm25_deep",
    "train pm25_single_honest",
)


def seconds(tree: Path, words: list[str]) -> float:
    """Of one call; its modules' byte code is kept, as with an installed package.

    Raises
    ------
    RuntimeError
        The command failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, "-m", "minidl", *words]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{tree}: {' '.join(words)}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
        return time.perf_counter() - started


def measured(other: Path, words: list[str], rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of the other checkout and of this one, a round after the other."""
    trees, found = (other, Path.cwd()), []
    for i in range(rounds + 1):
        one = [seconds(tree, words) for tree in trees]
        if i:
            found.append(one)
    theirs, ours = zip(*found, strict=True)
    return list(theirs), list(ours)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commands", description=__doc__)
    parser.add_argument("other", type=Path, help="the folder of the other checkout")
    parser.add_argument("--commands", default=",".join(COMMANDS), metavar="A,B", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    if not (args.other / "minidl").is_dir():
        parser.error(f"{args.other}: no checkout of minidl.")
    print(
        "| command | other: min, median | this: min, median | ratio of minima, of medians |\n| --- | --- | --- | --- |"
    )
    for text in args.commands.split(","):
        theirs, ours = measured(args.other.resolve(), text.split(), args.rounds)
        numbers = [f"{min(times):.2f}, {statistics.median(times):.2f}" for times in (theirs, ours)]
        ratios = f"{min(ours) / min(theirs):.2f}, {statistics.median(ours) / statistics.median(theirs):.2f}"
        print(f"| minidl {text} | {numbers[0]} | {numbers[1]} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
