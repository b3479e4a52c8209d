"""``minidl evaluate --by``: tables of scores by group, of a run and of several."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from command_line import Cli
from small import folder_content

from minidl.cli.arguments.evaluate import BY
from minidl.forecasting import groups


def test_the_groups_of_the_option_are_those_that_have_scores() -> None:
    assert BY == groups.BY  # written down, so that the help need not import them


def test_scores_by_level_are_printed_and_nothing_is_stored(cli: Cli, trained: Path) -> None:
    before = folder_content(trained)
    outcome = cli("evaluate", trained, "--by", "level")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[1].split() == [
        "RMSE,",
        "µg/m³,",
        "by",
        "level",
        "forecasts",
        "model",
        "persistence",
        "seasonal_24h",
        "linear",
    ]
    assert lines[2].startswith("  up to ")
    assert lines[5].startswith("  above ")
    assert lines[7].startswith("bias (forecast - truth), µg/m³, by level")
    assert folder_content(trained) == before
    found = json.loads(cli("evaluate", trained, "--by", "level", "--json").out)
    assert sum(row["model"]["n"] for row in found.values()) == 51 * 4
    assert lines[2].split()[-4] == f"{next(iter(found.values()))['model']['rmse']:.2f}"


def test_scores_by_lead_and_hour_have_an_r2(cli: Cli, trained: Path) -> None:
    lines = cli("evaluate", trained, "--by", "lead").out.splitlines()
    assert [line.split()[:3] for line in lines[2:6]] == [[str(k), "h", "ahead"] for k in (1, 2, 3, 4)]
    assert lines[7].startswith("R², by lead")
    table = json.loads((trained / "evaluation.json").read_text())
    assert lines[8].split()[4] == f"{table['lead']['1']['r2']:.4f}"
    assert "  23:00  " in cli("evaluate", trained, "--by", "hour").out


def test_another_checkpoint_and_an_ensemble_are_scored_by_group(cli: Cli, trained: Path) -> None:
    one, other = (cli("evaluate", trained, "--by", "lead", "--checkpoint", name).out for name in ("init", "last"))
    assert one != other
    assert cli("train", "small.yaml", "--set", "loss=MAE").code == 0
    outcome = cli("evaluate", "--ensemble", trained, "runs/small-002", "--by", "month")
    assert outcome.out.splitlines()[1].split()[5:7] == ["ensemble", "persistence"]


def test_rows_without_hours_are_refused_in_one_line(cli: Cli, folder: Path) -> None:
    lines = Path("air.csv").read_text().splitlines()
    day = [str(np.datetime64("2013-01-01") + i) for i in range(240)]
    rows = [lines[0], *(f"{day[i]},{line.split(',', 1)[1]}" for i, line in enumerate(lines[1:]))]
    Path("air.csv").write_text("\n".join([*rows, ""]))
    assert cli("train", "small.yaml").code == 0
    outcome = cli("evaluate", "runs/small-001", "--by", "hour")
    assert outcome.code == 3
    assert outcome.line == "minidl evaluate: --by hour: the rows are 1 d apart, so that there is no hour of the day."
