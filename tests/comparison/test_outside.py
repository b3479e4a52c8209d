"""Forecasts of another program in a comparison: scored as the baseline they copy; wrong files are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from comparing import Capture, compare, result
from small import hourly_rows

from minidl.comparison.finding import outside_of
from minidl.forecasting.outside import Outside

TIME_STEPS, TEST, FURTHEST = 6, 60, 4


def persistence(change: Callable[[list[str]], list[str]] = lambda lines: lines) -> Path:
    """The target's last known value for each time of the test part and each lead, as another program writes it."""
    target, start = hourly_rows()[:, 0], np.datetime64("2013-01-01T00:00", "m")
    lines = ["lead,forecast,time"]
    for row in range(240 - TEST, 240):
        for lead in range(1, FURTHEST + 1):
            lines.append(f"{lead},{float(target[row - lead])!r},{start + 60 * row}")
    path = Path("theirs.csv")
    path.write_text("\n".join(change(lines)) + "\n", encoding="utf-8")
    return path


def test_a_copy_of_persistence_has_its_scores_and_is_tested_against_each_config(folder: Path, capsys: Capture) -> None:
    persistence()
    assert compare("small.yaml", "deep.yaml", "--seeds", "6", "--no-protocol", "--outside", "theirs.csv") == 0
    found = result()
    for table in ("block", "lead"):
        for row, scores in found["baselines"]["theirs"][table].items():
            assert scores == pytest.approx(found["baselines"]["persistence"][table][row], rel=1e-9)
    assert [(pair["first"], pair["second"]) for pair in found["pairs"]] == [
        ("small", "deep"),
        ("theirs", "small"),
        ("theirs", "deep"),
    ]
    row = found["pairs"][1]["rows"]["4"]
    small = found["configs"]["small"]["block"]["4"]["r2"]["values"]
    theirs = found["baselines"]["theirs"]["block"]["4"]["r2"]
    assert row["differences"] == pytest.approx([value - theirs for value in small])
    assert row["both"]["stretches"] == 13  # 54 windows are 13 blocks of four
    assert found["tests"]["number"] == sum(len(pair["rows"]) for pair in found["pairs"])
    report = Path("runs/compare-001/report.md").read_text(encoding="utf-8")
    assert "| small - theirs |" in report
    assert "--outside theirs.csv" in report
    before = Path("runs/compare-001/comparison.json").read_bytes()
    assert compare("--resume", "runs/compare-001") == 0  # the folder has what is needed of the file
    assert Path("runs/compare-001/comparison.json").read_bytes() == before


def test_an_unfinished_comparison_goes_on_with_the_same_forecasts_only(folder: Path, capsys: Capture) -> None:
    """Caught here: it took those of now, and had those of its start, or none, when it was reported again."""
    persistence()
    asked = ("small.yaml", "deep.yaml", "--seeds", "1", "--no-protocol")

    def asked_again(*more: str) -> str:
        Path("runs/compare-001/comparison.json").unlink()
        capsys.readouterr()
        assert compare(*asked, *more) == 0
        return capsys.readouterr().err

    assert compare(*asked, "--outside", "theirs.csv") == 0
    assert "runs/compare-001: goes on; 2 of 2 runs are done" in asked_again("--outside", "theirs.csv")
    anew = "runs/compare-001: unfinished, but begun with other forecasts of another program; starting anew\n"
    assert anew in asked_again()
    assert compare("--resume", "runs/compare-001") == 0
    assert "theirs" in result()["baselines"]
    persistence(lambda lines: [lines[0], *(",50.0,".join(line.split(",")[::2]) for line in lines[1:])])
    shutil.rmtree("runs/compare-002")
    assert anew in asked_again("--outside", "theirs.csv")


def test_shards_with_other_forecasts_are_not_joined(folder: Path, capsys: Capture) -> None:
    persistence()
    asked = ("small.yaml", "deep.yaml", "--seeds", "1", "--no-protocol")
    assert compare(*asked, "--shard", "1/2", "--outside", "theirs.csv") == 0
    assert compare(*asked, "--shard", "2/2") == 0
    assert compare(*asked, "--shard", "2/2", "--outside", "theirs.csv", "--fresh") == 0
    first, second, third = (f"runs/compare-{name}" for name in ("1of2-001", "2of2-001", "2of2-002"))
    assert compare("--merge", first, second) == 2
    assert f"{second}: has other forecasts of another program than {first}; give the same" in capsys.readouterr().err
    assert compare("--merge", first, third) == 0


def test_what_is_not_scored_does_not_matter(folder: Path) -> None:
    more = ["9,1.0,2013-01-10T00:00", "1,1.0,2031-01-01T00:00"]
    persistence(lambda lines: [*lines, *more])
    assert compare("small.yaml", "deep.yaml", "--seeds", "1", "--no-protocol", "--outside", "theirs.csv") == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda lines: lines[:-1],
            "theirs.csv: 1 of 208 forecasts that are scored are missing; the first is of",
        ),
        (lambda lines: [*lines, lines[-1]], "theirs.csv:242: a forecast 4 ahead of this time stands there twice"),
        (lambda lines: ["lead,value,time", *lines[1:]], "theirs.csv:1: no column 'forecast'"),
        (lambda lines: [*lines, "0,1.0,2013-01-10T00:00"], "theirs.csv:242: column lead: '0' is no lead; expected a"),
        (
            lambda lines: [*lines, "1,much,2013-01-10T00:00"],
            "theirs.csv:242: column forecast: 'much' is not a number.\n",
        ),
        (lambda lines: [*lines, "1,inf,2013-01-10T00:00"], "column forecast: 'inf' is not a finite number.\n"),
        (lambda lines: [*lines, "1,1e200,2013-01-10T00:00"], "'1e200' is too large (at most 1e+140).\n"),
        (lambda lines: [*lines, "1,,2013-01-10T00:00"], "column forecast: '' is not a number.\n"),
        (lambda lines: [*lines, "1,1.0,tomorrow"], "theirs.csv:242: column time: 'tomorrow' is no time like"),
        (
            lambda lines: [f"{line}Z" if "T" in line else line for line in lines],
            "theirs.csv:2: the times of the series have no offset from UTC; expected none here (Z or +01:00).",
        ),
        (lambda lines: ["PAR1"], "theirs.csv: "),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_before_anything_is_trained(
    folder: Path, change: Callable[[list[str]], list[str]], message: str, capsys: Capture
) -> None:
    persistence(change)
    assert compare("small.yaml", "deep.yaml", "--seeds", "1", "--outside", "theirs.csv") != 0
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()


def test_rows_are_whole_numbers_and_times_in_utc_have_an_offset(folder: Path, capsys: Capture) -> None:
    target = hourly_rows()[:, 0].tolist()
    made = [(row, lead, target[row - lead]) for row in range(180, 240) for lead in range(1, 5)]
    lines = [f"{row},{lead},{value!r}" for row, lead, value in reversed(made)]
    config = Path("small.yaml").read_text()
    refuse = ["small.yaml", "deep.yaml", "--seeds", "1", "--no-protocol", "--outside", "theirs.csv"]
    Path("small.yaml").write_text(config.replace("    time: date\n", ""))
    Path("theirs.csv").write_text("\n".join(["row,lead,forecast", *lines]))
    assert compare(*refuse) == 0
    scores = result()["baselines"]
    assert scores["theirs"]["block"]["4"] == pytest.approx(scores["persistence"]["block"]["4"])
    Path("theirs.csv").write_text("\n".join(["row,lead,forecast", *lines]).replace("\n180,", "\n1_80,"))
    assert compare(*refuse) == 3
    assert "column row: '1_80' is no row; expected a whole number from 0 on." in capsys.readouterr().err
    Path("small.yaml").write_text(config.replace("time: date", "time: date\n    time_zone: Europe/Berlin"))
    persistence()
    assert compare(*refuse) == 3
    err = capsys.readouterr().err
    assert "theirs.csv:2: the times of the series are in UTC; expected an offset here (Z or +01:00)." in err
    persistence(lambda lines: [lines[0], *(f"{line}+01:00" for line in lines[1:])])  # in January
    assert compare(*refuse) == 0


def test_a_name_that_is_taken_and_other_uses_are_refused(folder: Path, capsys: Capture) -> None:
    persistence().rename("deep.csv")
    assert compare("small.yaml", "deep.yaml", "--seeds", "1", "--outside", "deep.csv") == 2
    assert "--outside: deep.csv: the name deep is taken; rename the file." in capsys.readouterr().err
    assert compare("small.yaml", "deep.yaml", "--outside", "nowhere.csv") == 4
    assert compare("--resume", "runs/compare-001", "--outside", "deep.csv") == 2
    assert "--outside is for the start of a comparison" in capsys.readouterr().err


def test_each_lead_is_looked_up_in_its_own_row() -> None:
    values = np.arange(40.0).reshape(10, 4)
    found = Outside(values, 3)(np.array([0, 2]), 4)
    assert found.tolist() == [[values[start + 3 + j, j] for j in range(4)] for start in (0, 2)]


def test_strange_data_of_a_folder_are_other_forecasts_and_no_traceback() -> None:
    data = {"outside": {"theirs": {"4": []}}, "baselines": {"theirs": 1, "persistence": 2}}
    assert outside_of(data) == [("theirs", {"4": []}, 1)]
    assert outside_of({"outside": {}, "baselines": {}}) == []
    for strange in ({}, {**data, "outside": []}, {**data, "baselines": None}):
        assert outside_of(strange) == [None]
