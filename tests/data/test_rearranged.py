"""Rows that a file has otherwise than the table: how many, and who says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import CONFIG, hourly_rows, write_experiment

from minidl.cli import main
from minidl.data import CSVSeries

DAY = "2013-01-01"


def read(folder: Path, hours: list[str], **more: object) -> tuple[str, ...]:
    path = folder / "a.csv"
    path.write_text("time,y\n" + "".join(f"{DAY} {hour},{i}\n" for i, hour in enumerate(hours)), encoding="utf-8")
    series = CSVSeries(str(path), "y", ["y"], "time", gaps="interpolate", **more)  # type: ignore[arg-type]
    return series.read().rearranged


HOURS = [f"{hour:02d}:00" for hour in range(10)]


def test_nothing_is_said_of_rows_that_are_the_tables(tmp_path: Path) -> None:
    assert read(tmp_path, HOURS) == ()
    assert read(tmp_path, HOURS, sort=True, duplicates="drop", missing_times="gaps") == ()


@pytest.mark.parametrize(("how", "what"), [("drop", "left out"), ("average", "averaged with them")])
def test_rows_that_are_sorted_left_out_or_added_are_counted(how: str, what: str, tmp_path: Path) -> None:
    hours = [*HOURS[3:], *HOURS[:2], HOURS[5], HOURS[5]]  # 02:00 is not there, 05:00 three times
    assert read(tmp_path, hours, sort=True, duplicates=how, missing_times="gaps") == (
        "the rows were not in order of time: they were sorted",
        f"2 rows whose time stands there before were {what}",
        "1 row of gaps was added for times left out",
    )


def test_rows_of_several_series_are_counted_together(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{DAY} {hour},{name},1" for hour in HOURS for name in ("a", "b") if (hour, name) != ("04:00", "b")]
    path.write_text("time,name,y\n" + "\n".join([*rows, f"{DAY} 09:00,a,2"]) + "\n", encoding="utf-8")
    series = CSVSeries(
        str(path), "y", ["y"], "time", gaps="interpolate", duplicates="drop", missing_times="gaps", series_by="name"
    )
    assert series.read().rearranged == (
        "1 row whose time stands there before was left out",
        "1 row of gaps was added for times left out",
    )


def test_training_and_predictions_say_what_became_of_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keys = "    time: date\n    gaps: interpolate\n    duplicates: drop\n    missing_times: gaps\n"
    config = CONFIG.replace("    time: date\n", keys).replace("features: [pm, temp, wind]", "features: [pm, temp]")
    config = config.replace("    categories: {wind: {calm: 0, north: 1, south: 2}}\n", "")
    path = write_experiment(tmp_path, config)
    header, *lines = (tmp_path / "air.csv").read_text().splitlines()
    assert len(lines) == len(hourly_rows())
    rows = [header, *lines[:50], lines[49], *lines[60:]]
    (tmp_path / "air.csv").write_text("\n".join(rows) + "\n")
    said = ["1 row whose time stands there before was left out", "10 rows of gaps were added for times left out"]
    assert main(["train", str(path), "--run-dir", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().err.splitlines()[:3] == [*said, "20 gaps in the data were filled"]
    assert main(["predict", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().err.endswith("; ".join(said) + "\n")
