"""``predict --later``: rows to come of columns that are known ahead."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Cli
from small import CONFIG, write_experiment

HEAD = "date,temp\n"
TIMES = ["2013-01-11 00:00", "2013-01-11 01:00", "2013-01-11 02:00", "2013-01-11 03:00"]


@pytest.fixture
def run(cli: Cli, folder: Path) -> str:
    write_experiment(folder, CONFIG.replace("    units:", "    known_ahead: [temp]\n    units:"))
    outcome = cli("train", "small.yaml")
    assert outcome.out.splitlines()[-1] == "next: minidl predict runs/small-001 --later FILE"
    assert "assumed: 1 column known ahead, as the table says" in outcome.out.splitlines()
    return "runs/small-001"


def test_a_prediction_goes_on_with_the_later_rows_of_a_file(cli: Cli, run: str) -> None:
    texts = []
    for temp in (0, 30):
        Path("later.csv").write_text(HEAD + "".join(f"{time},{temp}\n" for time in TIMES))
        outcome = cli("predict", run, "--later", "later.csv")
        assert outcome.code == 0
        texts.append(outcome.out)
    assert texts[0] != texts[1]


def test_wrong_later_rows_are_refused_in_one_line(cli: Cli, run: str) -> None:
    outcome = cli("predict", run)
    assert outcome.code == 3
    assert outcome.line.startswith("minidl predict: the run's series: temp is known ahead, and this forecast needs")
    Path("later.csv").write_text(HEAD + f"{TIMES[1]},1\n{TIMES[2]},1\n")
    outcome = cli("predict", run, "--later", "later.csv")
    assert outcome.code == 3
    assert outcome.line.endswith("after the table's end is of 2013-01-11 01:00:00; expected 2013-01-11 00:00:00.")


def test_other_runs_take_no_later_rows(cli: Cli, trained: Path) -> None:
    Path("later.csv").write_text(HEAD)
    outcome = cli("predict", trained, "--later", "later.csv")
    assert outcome.code == 2
    assert outcome.line == "minidl predict: --later: CSVSeries names no column as known ahead; leave it out."
