"""Small faults in the source, one at a time, each of which the tests must notice: mutation testing.

``python -m tests.reliability.mutants`` copies the repository, notes once which tests call
which functions, and then, for each mutant of a random sample, runs the tests that call
its function, the quickest first, until one fails. ``mutation-report.md`` says what a run
found. No tool that was at hand does this in half an hour on one processor.

Every run of tests is a fork of this process, which has loaded the libraries but no minidl.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ROOMS = ("comparison", "parallel", "tasks", "forecasting", "training", "runs", "data", "config")
# Tests that call these rooms. Others, of signals, clusters and compilers, are about something else and slow.
TESTS = (
    *(f"tests/{room}" for room in ROOMS),
    "tests/cli/test_cli_broken_plugins.py",
    "tests/cli/test_cli_changed_plugins.py",
    "tests/cli/test_cli_configs.py",
    "tests/cli/test_cli_dry_run.py",
    "tests/cli/test_cli_find_rate.py",
    "tests/cli/test_cli_hints.py",
    "tests/cli/test_cli_installed_packages.py",
    "tests/cli/test_cli_json.py",
    "tests/cli/test_cli_main.py",
    "tests/cli/test_cli_overfit.py",
    "tests/cli/test_cli_plugins.py",
    "tests/cli/test_cli_runs.py",
    "tests/cli/test_cli_sequences.py",
    "tests/cli/test_cli_train.py",
    "tests/cli/test_cli_wrong_input.py",
    "tests/cli/test_new_from.py",
    "tests/files",
    "tests/layers",
    "tests/losses",
    "tests/metrics",
    "tests/optimizers",
    "tests/plotting",
    "tests/reliability/test_checkpoint_files.py",
    "tests/core/test_arguments.py",
    "tests/core/test_bounds.py",
    "tests/core/test_registry.py",
    "tests/core/test_summary.py",
    *(f"tests/test_{name}.py" for name in ("experiment", "fitting", "shipped_files", "two_layer_step")),
)
LIMIT = 300.0  # seconds for one test; more is a hang, which is noticed
NOTICED, SURVIVED, HUNG = "noticed", "survived", "hung"


@dataclass(frozen=True)
class Drawn:
    """A mutant that is tried: its file and its number among the file's mutants."""

    file: str
    number: int


class Workplace:
    """A copy of the repository in which one mutant at a time lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns(".git", "__pycache__", "benchmarks", ".hypothesis", "*.egg-info")
        made = {str(ROOT): {"runs"}}  # what trainings leave; minidl has a folder of that name too
        shutil.copytree(ROOT, folder, ignore=lambda place, names: ignored(place, names) | made.get(str(place), set()))

    def note(self, tests: Sequence[str], report: Path) -> None:
        """Run all tests once, and note what each calls; those that fail are said and left out."""
        from tests.reliability.touching import Noting

        self.run(tests, [Noting(self.folder / "minidl", report)], write_bytecode=True)
        if not report.is_file():
            raise SystemExit("the tests do not run without any mutant; see the output above")

    def try_one(self, drawn: Drawn, noted: dict[str, Any], number: int) -> tuple[str, int, str]:
        """Whether the tests notice a mutant, its line and what it changes."""
        from tests.reliability.mutations import make_mutant
        from tests.reliability.touching import Chosen, touching

        path = self.folder / drawn.file
        whole = path.read_text(encoding="utf-8")
        mutant = make_mutant(whole, drawn.number)
        groups = touching(noted, drawn.file.removeprefix("minidl/"), mutant.function)
        path.write_text(mutant.source, encoding="utf-8")
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))  # no bytecode of another mutant fits it
        try:
            code: int | None = 0
            for names in groups:
                files = sorted({name.partition("::")[0] for name in names})
                code = self.run(["-x", *files], [Chosen(names)])
                if code != 0:
                    break
        finally:
            path.write_text(whole, encoding="utf-8")
        what = mutant.what if groups else f"{mutant.what} (no test calls this function)"
        return (HUNG if code is None else NOTICED if code else SURVIVED), mutant.line, what

    def run(self, arguments: Sequence[str], plugins: list[Any], *, write_bytecode: bool = False) -> int | None:
        """pytest in a fork; its exit code, None if one test did not end within the limit."""
        from tests.reliability.touching import Beating

        beat = self.folder.parent / "beat"
        beat.touch()
        child = os.fork()
        if child == 0:
            os.setsid()
            os._exit(self._pytest(arguments, [*plugins, Beating(beat)], write_bytecode))
        while time.time() - beat.stat().st_mtime < LIMIT:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                with contextlib.suppress(ProcessLookupError):  # what the tests have started
                    os.killpg(child, signal.SIGKILL)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None

    def _pytest(self, arguments: Sequence[str], plugins: list[Any], write_bytecode: bool) -> int:
        import pytest

        if not write_bytecode:
            sink = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(sink, stream)
        sys.dont_write_bytecode = not write_bytecode
        os.chdir(self.folder)
        sys.path[:] = [str(self.folder), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
        for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
            del sys.modules[name]  # those of this run are not those of the copy
        os.environ |= {"PYTHONPATH": str(self.folder), "MINIDL_MUTANTS": "60"}
        os.environ |= {} if write_bytecode else {"PYTHONDONTWRITEBYTECODE": "1"}
        try:
            loaded = "ignore::pytest.PytestAssertRewriteWarning"  # hypothesis is there already
            options = ["-q", "-p", "no:cacheprovider", "--no-header", "-W", loaded]
            return int(pytest.main([*options, *arguments], plugins=plugins))
        except BaseException:  # a mutant may end the process in any way
            traceback.print_exc()
            return 99
        finally:
            sys.stdout.flush()


def draw(rooms: Sequence[str], size: int, seed: int) -> tuple[list[Drawn], dict[str, int]]:
    """A random sample of all mutants below these folders or files of minidl, and how many each file has."""
    counts = {}
    for room in rooms:
        place = ROOT / "minidl" / room
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            counts[str(path.relative_to(ROOT))] = _count(path)
    everything = [Drawn(file, number) for file, count in counts.items() for number in range(count)]
    return random.Random(seed).sample(everything, min(size, len(everything))), counts


def _count(path: Path) -> int:
    from tests.reliability.mutations import count_mutants

    return count_mutants(path.read_text(encoding="utf-8"))


def main() -> int:
    """Try a sample; 1 if fewer than 95 % are noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=300, help="how many mutants are tried; default 300")
    parser.add_argument("--seed", type=int, default=1, help="of the sample; default 1")
    parser.add_argument("--only", action="append", metavar="PATH", help="a folder or file below minidl/; repeatable")
    parser.add_argument("--noted", type=Path, help="which tests call what: read if the file exists, else written")
    args = parser.parse_args()
    drawn, counts = draw(args.only or ROOMS, args.sample, args.seed)
    for name in ("numpy", "scipy.stats", "hypothesis", "msgspec", "yaml", "safetensors.numpy", "matplotlib.figure"):
        __import__(name)
    outcomes: list[tuple[str, str, int, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(Path(folder).resolve() / "copy")
        noted = args.noted or Path(folder, "noted.json")
        if not noted.is_file():
            place.note(TESTS, noted.resolve())
        calls = json.loads(noted.read_text(encoding="utf-8"))
        for number, one in enumerate(drawn):
            outcome, line, what = place.try_one(one, calls, number)
            outcomes.append((one.file, outcome, line, what))
            print(f"{number + 1}/{len(drawn)} {outcome}: {one.file}:{line}: {what}", file=sys.stderr, flush=True)
    print("\n".join(report(outcomes, counts)))
    return int(sum(outcome == SURVIVED for _, outcome, _, _ in outcomes) > 0.05 * len(outcomes))


def report(outcomes: Sequence[tuple[str, str, int, str]], counts: dict[str, int]) -> Iterator[str]:
    """A table by folder, and the survivors."""
    yield "| folder | mutants | tried | noticed |"
    yield "|---|---:|---:|---:|"
    for room in dict.fromkeys(str(Path(file).parent) for file in counts):
        of_room = [outcome for file, outcome, _, _ in outcomes if str(Path(file).parent) == room]
        total = sum(count for file, count in counts.items() if str(Path(file).parent) == room)
        yield f"| {room} | {total:,} | {len(of_room)} | {sum(o != SURVIVED for o in of_room)} |"
    survived = sorted(item for item in outcomes if item[1] == SURVIVED)
    if not outcomes:
        return
    noticed, hung = len(outcomes) - len(survived), sum(item[1] == HUNG for item in outcomes)
    yield ""
    yield f"Noticed: {noticed} of {len(outcomes)} ({noticed / len(outcomes):.1%}), {hung} by hanging. Survivors:"
    yield ""
    for file, _, line, what in survived:
        yield f"- {file}:{line}: {what}"


if __name__ == "__main__":
    sys.exit(main())
