"""minidl new experiment NAME --from TABLE: a config that reads the table as it is, or what must be decided."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from minidl.cli import main
from minidl.data import WindowData
from minidl.experiment import load_experiment


def table(form: str, *, rows: int = 60, delimiter: str = ",", decimal: str = ".", hours: int = 24) -> str:
    times = [datetime(2014, 1, 25) + timedelta(hours=hours * i) for i in range(rows)]
    values = [f"{math.sin(i):.3f}".replace(".", decimal) for i in range(rows)]
    cells = [f"{time.strftime(form)}{delimiter}{value}\n" for time, value in zip(times, values, strict=True)]
    return f"date{delimiter}y\n" + "".join(cells)


DAYS = table("%Y-%m-%d")
LINES = DAYS.splitlines(keepends=True)
TABLES = {
    "iso": DAYS,
    "hours": table("%Y-%m-%d %H:%M", hours=1),
    "german": table("%d.%m.%Y", delimiter=";", decimal=","),
    "british": table("%d/%m/%Y"),
    "american": table("%m/%d/%Y"),
    "names": table("%d %b %Y"),
    "compact": table("%Y%m%d"),
    "tabs": table("%Y/%m/%d", delimiter="\t"),
    "quoted": "".join(f'"{line.strip()}"\n'.replace(",", '","') for line in LINES),
    "comments": "# a table\n" + DAYS,
    "no header": "".join(LINES[1:]),
    "unsorted": "".join([LINES[0], *LINES[:0:-1]]),
    "twice": DAYS + LINES[-1],
    "left out": "".join(LINES[:9] + LINES[11:]),
    "gaps": DAYS.replace("0.", "NA;0.", 1).replace("NA;0.000", "NA"),
    "trading days": "".join([LINES[0], *(line for i, line in enumerate(LINES[1:]) if i % 7 < 5)]),
}


SHOPS = {"north": 40, "south": 60}


def test_a_table_of_several_series_becomes_a_config_that_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    days = {name: [datetime(2014, 3, 30) - timedelta(days=i) for i in range(n)][::-1] for name, n in SHOPS.items()}
    lines = [f"{day:%Y-%m-%d},{name},{math.sin(i):.3f}\n" for name in days for i, day in enumerate(days[name])]
    Path("table.csv").write_text("date,shop,y\n" + "".join(sorted(lines)), encoding="utf-8")
    assert main(["new", "experiment", "mine", "--from", "table.csv", "--target", "y"]) == 0
    assert "2 series, told apart by 'shop'" in capsys.readouterr().out
    experiment = load_experiment("mine.yaml", ["training.epochs=1", "engine=numpy"])
    assert isinstance(experiment.data, WindowData)
    assert experiment.data.test_size == 8  # a fifth of the shortest
    assert main(["train", "mine.yaml", "--set", "training.epochs=1", "--set", "engine=numpy"]) == 0
    assert main(["predict", "runs/mine-001", "--horizon", "1", "--output", "next.csv"]) == 0
    rows = [line.split(",")[:2] for line in Path("next.csv").read_text(encoding="utf-8").splitlines()]
    assert rows == [["series", "time"], ["south", "2014-03-31 00:00:00"], ["north", "2014-03-31 00:00:00"]]
    Path("short.csv").write_text(Path("table.csv").read_text(encoding="utf-8") + "2014-03-30,west,1\n" * 1)
    assert main(["new", "experiment", "other", "--from", "short.csv", "--target", "y"]) == 3
    assert "series 'west' has 1 row, too few" in capsys.readouterr().err


@pytest.mark.parametrize("name", TABLES)
def test_a_table_becomes_a_config_that_loads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text(TABLES[name], encoding="utf-8")
    target = "column_2" if name == "no header" else "y"
    assert main(["new", "experiment", "mine", "--from", "table.csv", "--target", target]) == 0
    shown = capsys.readouterr().out
    assert "times in" in shown
    experiment = load_experiment("mine.yaml")
    assert isinstance(experiment.data, WindowData)
    assert len(experiment.data.load().table) >= 40
    assert main(["check", "mine.yaml"]) == 0
    assert all(f"# - {line.partition(': ')[2]}" in Path("mine.yaml").read_text() for line in shown.splitlines()[:-1])


@pytest.mark.parametrize(
    ("arguments", "text", "message"),
    [
        (
            ["--from", "table.csv"],
            "date,y,z,word\n2014-01-01,1,2,a\n2014-01-02,3,4,b\n",
            "--from: also needs --target, the column to forecast; columns of numbers: y, z.",
        ),
        (
            ["--from", "table.csv", "--target", "y", "--target", "y"],
            "date,y,z\n2014-01-01,1,2\n2014-01-02,3,4\n",
            "--target: 'y' stands there twice.",
        ),
        (
            ["--from", "table.csv", "--target", "y", "--target", "zz"],
            "date,y,z\n2014-01-01,1,2\n2014-01-02,3,4\n",
            "--target: 'zz' is no column of numbers",
        ),
        (["--target", "y"], DAYS, "--target: also needs --from TABLE."),
        (["--from", "table.csv", "--target", "yy"], DAYS, "--target: 'yy' is no column of numbers"),
        (
            ["--from", "table.csv", "--target", "y"],
            "date,y\n1/2/2014,1\n1/3/2014,2\n",
            "--time-format: column date: '1/2/2014' may be '%d/%m/%Y' or '%m/%d/%Y'; say which",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[str],
    text: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text(text, encoding="utf-8")
    assert main(["new", "experiment", "mine", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not Path("mine.yaml").exists()


def test_the_only_column_of_numbers_is_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text(DAYS, encoding="utf-8")
    assert main(["new", "experiment", "mine", "--from", "table.csv"]) == 0
    data = load_experiment("mine.yaml").data
    assert isinstance(data, WindowData)
    assert data.feature_names == ("y",)


def test_several_targets_become_a_config_that_forecasts_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first, shops = datetime(2014, 1, 25), ("north", "south")
    rows = [
        f"{first + timedelta(days=i)},{shop},{math.sin(i):.3f},{2000 + i % 9},{math.cos(i):.3f},{i % 2}\n"
        for i in range(60)
        for shop in shops
    ]
    rows += [f"{first + timedelta(days=60)},{shop},,,,1\n" for shop in shops]
    Path("table.csv").write_text("date,shop,y,year,z,open\n" + "".join(rows), encoding="utf-8")
    assert main(["new", "experiment", "mine", "--from", "table.csv", "--target", "z", "--target", "year"]) == 0
    told = capsys.readouterr().out
    assert "2 series, told apart by 'shop'" in told
    for name, values in (("z", np.cos(np.arange(60))), ("year", np.arange(60) % 9)):
        likeness = np.corrcoef(values[7:], values[:-7])[0, 1]
        assert f"of {name} and itself one season ago: a week of 7 rows ({likeness:.2f})" in told
    assert "2 rows at the end have no z and no year, and open is known there; if open is known when" in told
    data = load_experiment("mine.yaml").data
    assert isinstance(data, WindowData)
    assert data.series.targets == ("z", "year")
    assert data.feature_names == ("z", "year", "y", "open")
    changes = ["training.epochs=1", "engine=numpy", "data.series.known_ahead=[open]"]
    assert main(["train", "mine.yaml", *(word for change in changes for word in ("--set", change))]) == 0
    assert main(["predict", "runs/mine-001", "--horizon", "1", "--output", "next.csv"]) == 0
    assert Path("next.csv").read_text(encoding="utf-8").splitlines()[0] == "series,time,z,year"
