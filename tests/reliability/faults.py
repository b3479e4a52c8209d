"""All rows of the table of faults, one line each: ``python -m tests.reliability.faults``.

``--sample`` takes few trials, ``--row N`` one row; ``--sabotage NAME`` takes one
protection out of the library first, and must make a row report failures.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # children are forked, and threads do not survive that

from tests.reliability import harness
from tests.reliability import rows_caches as rows_caches
from tests.reliability import rows_cluster as rows_cluster
from tests.reliability import rows_configs as rows_configs
from tests.reliability import rows_engines as rows_engines
from tests.reliability import rows_every_state as rows_every_state
from tests.reliability import rows_files as rows_files
from tests.reliability import rows_forward as rows_forward
from tests.reliability import rows_giants as rows_giants
from tests.reliability import rows_gradients as rows_gradients
from tests.reliability import rows_leaks as rows_leaks
from tests.reliability import rows_not_finite as rows_not_finite
from tests.reliability import rows_running as rows_running
from tests.reliability import rows_runs as rows_runs
from tests.reliability import rows_saving as rows_saving
from tests.reliability import rows_signals as rows_signals
from tests.reliability import rows_strangers as rows_strangers
from tests.reliability import rows_streams as rows_streams
from tests.reliability.harness import ROWS, SABOTAGE
from tests.reliability.sabotages import SABOTAGES

SEED = 20100101


def main() -> int:
    """Run the rows; 1 if one has failures, or if one of a full run was left out."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.faults", description=__doc__)
    parser.add_argument("--sample", action="store_true", help="a few trials of each row")
    parser.add_argument("--row", type=int, action="append", choices=sorted(ROWS), help="only this row; repeatable")
    parser.add_argument("--trials", type=int, help="another number of trials")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--sabotage", choices=sorted(SABOTAGES), help="take this protection out first")
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
    print(f"seed {args.seed}" + (f", without {args.sabotage}" if args.sabotage else ""), flush=True)
    if args.sabotage:
        os.environ[SABOTAGE] = args.sabotage
        SABOTAGES[args.sabotage]()
    harness.slack = 10.0 if args.sample else 1.0
    failed = 0
    for row in (row for number in args.row or sorted(ROWS) for row in ROWS[number]):
        started = time.monotonic()
        outcome = row.run(args.trials or (row.sample if args.sample else row.full), args.seed)
        seconds = time.monotonic() - started
        note = f"  ({outcome.note})" if outcome.note else ""
        counts = f"{outcome.trials:>6} trials  {len(outcome.failures):>4} failures  {seconds:7.1f} s"
        print(f"{row.number:>2}  {row.title:<52}{counts}{note}", flush=True)
        for failure in outcome.failures[:12]:
            print(f"      {failure[:4000]}", file=sys.stderr, flush=True)
        failed += bool(outcome.failures) or not (outcome.trials or args.sample)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
