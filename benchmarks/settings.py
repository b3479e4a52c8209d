"""``python -m benchmarks.settings``: what Adam, clipping, dropout and a schedule cost beside plain SGD, compiled.

Both trainings live in one process and are asked in turn, so that each round sees the same state of the machine; a
round gives one ratio, and the first one, which compiles and warms up, does not count. Each timed epoch follows one of
the same training that is not timed, as in a training: the first after another training's takes longer, and would be
counted for one of the two only. How fast the same machine code is depends by some per cent on where a process happens
to have it, so several processes are asked, one after the other; printed is the median of their medians, for each part
alone and for all of them together, and for these the least and the largest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.cases import BATCH, CASES, Case

NAMES = ("4", "16", "64", "LSTM 4", "LSTM 16", "LSTM 64", "GRU 16", "GRU 64")
MUST = 1.1
PARTS = ("Adam", "clipping", "dropout", "schedule")


class Training:
    """One training of a case in the compiled engine, with some of the parts, on windows that others may use too."""

    def __init__(self, case: Case, parts: tuple[str, ...], source: Any) -> None:
        from minidl import (
            SGD,
            Adam,
            Constant,
            Cosine,
            Dense,
            Dropout,
            GRULayer,
            HalfMSE,
            LastStep,
            LSTMLayer,
            RecurrentLayer,
            Sequential,
        )
        from minidl.compiled.engine import CompiledEngine
        from minidl.randomness import Streams
        from minidl.training import Trainer
        from minidl.training import Training as Settings

        kinds: dict[str, Any] = {"Elman": RecurrentLayer, "LSTM": LSTMLayer, "GRU": GRULayer}
        layers: list[Any] = [kinds[case.kind](h, bias=case.bias) for h in case.hidden]
        dropout = [Dropout(0.2)] if "dropout" in parts else []
        model = Sequential([*layers, LastStep(), *dropout, Dense(1, bias=case.bias)])
        model.build((case.time, case.features), 0, case.dtype)
        settings = Settings(
            epochs=1000,
            batch_size=BATCH,
            clip_norm=1.0 if "clipping" in parts else None,
            schedule=Cosine(warmup_steps=100) if "schedule" in parts else Constant(),
        )
        self.trainer = Trainer(
            model, loss=HalfMSE(), optimizer=Adam(1e-3) if "Adam" in parts else SGD(1e-3), settings=settings,
            streams=Streams.from_seed(0), engine=CompiledEngine(),
        )  # fmt: skip
        self.trainer.epoch_steps = case.steps
        self.source = source
        self.order = np.tile(np.arange(BATCH), case.steps)

    def seconds(self) -> float:
        """Of an epoch of the case's steps, right after another one."""
        self.epoch()
        started = time.perf_counter()
        self.epoch()
        return time.perf_counter() - started

    def epoch(self) -> None:
        """Take the steps of an epoch."""
        position, total = 0, 0.0
        while position < len(self.order):
            position, total = self.trainer.engine.advance(self.trainer, self.source, self.order, position, total)


def ratios(case: Case, rounds: int) -> dict[str, float]:
    """Median over the rounds of the time with some parts to that of plain SGD, by the names of the parts."""
    chosen = {"all": PARTS, **{part: (part,) for part in PARTS}}
    from minidl.data import Windows

    # All read the same array: one that begins elsewhere in a line of the cache takes a few per cent more or less.
    source = Windows(case.rows(), np.arange(BATCH, dtype=np.int64) * case.time, case.time, 0)
    plain = Training(case, (), source)
    others = {name: Training(case, parts, source) for name, parts in chosen.items()}
    found: dict[str, list[float]] = {name: [] for name in chosen}
    for round_ in range(rounds + 1):
        for name, other in others.items():
            before, with_parts, after = plain.seconds(), other.seconds(), plain.seconds()
            if round_:
                found[name].append(2 * with_parts / (before + after))
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.settings", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--processes", type=int, default=7)
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    parser.add_argument("--cases", nargs="+", choices=[case.name for case in CASES], default=list(NAMES))
    args = parser.parse_args()
    os.sched_setaffinity(0, [args.core])  # the processes inherit it
    heads = "".join(f"{name:>10}" for name in ("all", *PARTS))
    print(f"{'time / plain SGD':<18}{heads}{'all, from to':>16}   must: all <= {MUST}")
    for case in CASES:
        if case.name in args.cases:
            with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
                runs = pool.starmap(ratios, [(case, args.rounds)] * args.processes, chunksize=1)
            found = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            least, most = (choose(run["all"] for run in runs) for choose in (min, max))
            said = "met" if found["all"] <= MUST else "missed"
            row = "".join(f"{found[name]:>10.2f}" for name in ("all", *PARTS))
            print(f"{case.name:<18}{row}{f'{least:.2f} to {most:.2f}':>16}   {said}", flush=True)


if __name__ == "__main__":
    main()
