"""``python -m benchmarks``: all competitors in turn, medians, ratios, and how near the limit they come."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from benchmarks import limits, report, tables, whole
from benchmarks.cases import ASKED, CASES, Case
from benchmarks.competitors import OWN_CELL, TRAINING, inference, training, two_threads
from benchmarks.pool import available, compare

# From this many units on, two threads are measured as well; with fewer a step is too short to be shared.
TWO_THREADS = 64


def main() -> None:
    """Run, print, and write the result file if one is asked for."""
    args = _arguments()
    if args.show:
        result = json.loads(args.show.read_text(encoding="utf-8"))
        _print(result)
        return
    print("\n".join(available([*TRAINING, *OWN_CELL, "onnxruntime"])[1]))
    chosen = [case for case in CASES if args.cases is None or case.name in args.cases]
    result: dict[str, Any] = {"machine": whole.machine(), "rounds": args.rounds}
    for part in PARTS:
        if part in args.parts:
            result[part] = PARTS[part](chosen, args)
    _print(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written: {args.json}")


def _training(chosen: list[Case], args: argparse.Namespace) -> dict[str, Any]:
    steps, peaks = {}, []
    for case in chosen:
        peaks.append(limits.measure(args.core))
        steps[case.name] = compare(case, available(training(case))[0], [args.core], args.rounds, "train")
        _note(case.name, steps[case.name])
    peak = limits.median(peaks)
    return {
        case.name: {
            "case": vars(case),
            "step": steps[case.name],
            "peak": peak[case.dtype],
            "limit": limits.limit(case, peak[case.dtype]),
        }
        for case in chosen
    }


def _two_threads(chosen: list[Case], args: argparse.Namespace) -> dict[str, Any]:
    cores = sorted(os.sched_getaffinity(0))[:2]
    large = [case for case in chosen if max(case.hidden) >= TWO_THREADS and len(cores) == 2]
    return {case.name: compare(case, available(two_threads(case))[0], cores, args.rounds, "train") for case in large}


def _forecasts(chosen: list[Case], args: argparse.Namespace) -> dict[str, Any]:
    return {
        case.name: {
            what: compare(case, available(inference(case))[0], [args.core], args.rounds, what)
            for what in ("one", "many")
        }
        for case in chosen
        if case.name in ASKED
    }


def _commands(chosen: list[Case], args: argparse.Namespace) -> dict[str, Any]:
    return whole.commands(args.compare)


def _tables(chosen: list[Case], args: argparse.Namespace) -> dict[str, Any]:
    return tables.tables(args.rounds)


# By name in the result.
PARTS = {
    "training": _training, "two threads": _two_threads, "inference": _forecasts, "commands": _commands,
    "tables": _tables,
}  # fmt: skip


def _arguments() -> argparse.Namespace:
    cores = os.sched_getaffinity(0)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count, each with all competitors in turn")
    parser.add_argument(
        "--core",
        type=int,
        default=min(cores),
        choices=sorted(cores),
        help="the core that every competitor is pinned to",
    )
    parser.add_argument(
        "--cases",
        nargs="+",
        choices=[case.name for case in CASES],
        metavar="CASE",
        help='for example 4 2+2 "LSTM 64"; default: all',
    )
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="default: all")
    parser.add_argument("--compare", action="store_true", help="also time minidl compare with 30 seeds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--show", type=Path, metavar="FILE", help="print the tables of such a file and measure nothing")
    args = parser.parse_args()
    if args.show and not args.show.is_file():
        parser.error(f"--show: {args.show}: no such file.")
    return args


def _note(case: str, step: dict[str, Any]) -> None:
    cells = [
        f"{name} {row['seconds'] * 1e6:,.1f}" if "seconds" in row else f"{name}: {row['error']}"
        for name, row in step.items()
    ]
    print(f"{case}, µs a step: " + ", ".join(cells), flush=True)


def _print(result: dict[str, Any]) -> None:
    for title, lines in report.sections(result):
        print(f"\n{title}\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
