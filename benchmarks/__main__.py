"""``python -m benchmarks``: all competitors in turn, medians, ratios, and how near the limit they come."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from benchmarks import limits, report, whole
from benchmarks.cases import CASES, INFERENCE_CASE, Case
from benchmarks.competitors import INFERENCE, TRAINING
from benchmarks.pool import available, compare

# From this many units on, two threads are measured as well; smaller products are slower in two.
TWO_THREADS = 256


def main() -> None:
    """Run, print, and write the result file if one is asked for."""
    args = _arguments()
    if args.show:
        result = json.loads(args.show.read_text(encoding="utf-8"))
        _print(result)
        return
    names, missing = available(TRAINING)
    print("\n".join(missing))
    chosen = [case for case in CASES if args.cases is None or case.name in args.cases]
    result: dict[str, Any] = {"machine": whole.machine(), "rounds": args.rounds}
    result["training"] = _training(chosen, names, args)
    many_cores = sorted(os.sched_getaffinity(0))[:2]
    large = [case for case in chosen if max(case.hidden) >= TWO_THREADS]
    if large and len(many_cores) == 2:
        result["two threads"] = {case.name: compare(case, names, many_cores, args.rounds, "train") for case in large}
    if not args.only_training:
        askers = available(INFERENCE)[0]
        result["inference"] = {
            what: compare(INFERENCE_CASE, askers, [args.core], args.rounds, what) for what in ("one", "many")
        }
        result["commands"] = whole.commands(args.compare)
    _print(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written: {args.json}")


def _training(chosen: list[Case], names: list[str], args: argparse.Namespace) -> dict[str, Any]:
    steps, peaks = {}, []
    for case in chosen:
        peaks.append(limits.measure(args.core))
        steps[case.name] = compare(case, names, [args.core], args.rounds, "train")
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
        metavar="UNITS",
        help="for example 4 2+2 64; default: all",
    )
    parser.add_argument("--only-training", action="store_true", help="leave out inference and whole commands")
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
    print(f"{case} units, µs a step: " + ", ".join(cells), flush=True)


def _print(result: dict[str, Any]) -> None:
    for title, lines in report.sections(result):
        print(f"\n{title}\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
