"""A table with a twentieth of its target missing, several leads at once: what is kept, said and never looked at.

All starts from a CSV file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import CONFIG, hourly_rows

from minidl.cli import main
from minidl.comparison.trials import train_in_memory
from minidl.core.layer import Array
from minidl.data import Table, splits
from minidl.experiment import load_experiment
from minidl.forecasting.groups import group_scores
from minidl.tasks import forecast_task

T, LEADS, N, TEST, VALIDATION = 24, 24, 480, 120, 100
GAP = np.random.default_rng(3).uniform(size=N) < 0.05
ENDS = [N - TEST - VALIDATION - 1, N - TEST - 1, N - 1]  # last rows of parts, which are labels and in no window
GAP[ENDS] = True
DIRECT = (
    CONFIG.replace("time_steps: 6", f"time_steps: {T}")
    .replace("test_size: 60", f"test_size: {TEST}")
    .replace("size: 40", f"size: {VALIDATION}")
    .replace("units: µg/m³", "units: µg/m³\n    gaps: interpolate")
    .replace("output_size: 1", f"output_size: {3 * LEADS}")
    .replace("loss: HalfMSE", "loss: {type: Quantile, levels: [0.1, 0.5, 0.9]}")
    .replace("horizons: [4, 2, 1]", f"horizons: [{LEADS}, 4, 1], intervals: {{conformal: true}}, rivals: RIVALS")
)


def experiment(folder: Path, rivals: str = "[DirectRidge]", gap: str = "NA") -> Path:
    """The config, beside its table, in which `gap` stands for a target that nobody measured."""
    lines, start = ["date,pm,temp,wind"], np.datetime64("2013-01-01T00:00", "m")
    for i, (pm, temp, wind) in enumerate(hourly_rows(N).tolist()):
        when = str(start + i * np.timedelta64(60, "m")).replace("T", " ")
        lines.append(f"{when},{gap if GAP[i] else repr(pm)},{temp!r},{('calm', 'north', 'south')[int(wind)]}")
    (folder / "air.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder / "gappy.yaml"
    config = DIRECT.replace("RIVALS", rivals).replace("path: air.csv", f"path: {folder / 'air.csv'}")
    config = config.replace("interpolate", f'interpolate\n    missing: ["{gap}"]')
    path.write_text("# Gaps.\n" + config, encoding="utf-8")
    return path


def labels_of(first: int, stop: int) -> list[list[bool]]:
    """Of each window that lies in these rows with its labels: which of the labels are known."""
    return [(~GAP[start + T : start + T + LEADS]).tolist() for start in range(first, stop - T - LEADS + 1)]


def test_few_windows_are_lost_and_each_count_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, border = experiment(tmp_path), N - TEST
    taught, checked = labels_of(0, border - VALIDATION), labels_of(border - VALIDATION, border)
    assert sum(map(all, taught)) < 0.5 * len(taught)  # so many windows would be left if one gap dropped a window
    assert sum(map(any, taught)) == len(taught)
    assert main(["train", str(path), "--run-dir", str(tmp_path / "run")]) == 0
    told = capsys.readouterr()
    unknown = sum(not known for labels in taught for known in labels)
    count = f"{unknown:,} of {LEADS * len(taught):,} labels of training windows were gaps: they count nothing"
    others = sum(not known for labels in checked for known in labels)
    lines = told.err.splitlines()
    assert lines[:5] == [
        f"{GAP.sum()} gaps in the data were filled",
        f"{GAP.sum()} of them in the target: they are neither trained on nor scored",
        count,
        f"{others:,} of {LEADS * len(checked):,} labels of validation windows were gaps: they count nothing",
        f"{LEADS} leads are forecast at once",
    ]
    assert f"{len(taught)} training windows" in lines[5]
    truths = np.array([~GAP[start + T : start + T + LEADS] for start in range(border, N - T - LEADS + 1)])
    least, most = truths.sum(axis=0).min(), truths.sum(axis=0).max()
    assert f"assumed: {count}" in told.out
    scored = f"each of {LEADS} leads is scored on {least} to {most} of {len(truths)} forecasts"
    assert f"assumed: {scored}, whose truth was measured" in told.out
    found = json.loads((tmp_path / "run/evaluation.json").read_text())["scored"]
    assert found["lead"] == {str(j + 1): int(n) for j, n in enumerate(truths.sum(axis=0))}
    blocks = {k: [row for row in range(border + T, N - (TEST - T) % k) if not GAP[row]] for k in (LEADS, 4, 1)}
    assert found["block"] == {str(k): len(rows) for k, rows in blocks.items()}


def test_a_whole_table_says_nothing_of_gaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "GAP", np.zeros(N, bool))
    made = load_experiment(experiment(tmp_path))
    parts = made.load_data()
    assert parts.train.gather(slice(0, 2)).weight is None
    assert parts.notes() == [f"{LEADS} leads are forecast at once"]
    found = made.evaluation.evaluate(parts, made.scored_model)
    assert "scored" not in found
    assert not [line for line in found["assumptions"] if "gap" in line or "measured" in line]


def outcome(path: Path, monkeypatch: pytest.MonkeyPatch, poison: float | None) -> tuple[Any, ...]:
    """All that comes of a training, with this standing where labels were gaps that no window of their part holds."""
    real = splits.scaled_rows

    def spoilt(table: Table, *arguments: Any, **more: Any) -> Array:
        values = real(table, *arguments, **more)
        if poison is not None:
            values[ENDS, 0] = table.values[ENDS, 0] = poison
        return values

    with monkeypatch.context() as patch:
        patch.setattr(splits, "scaled_rows", spoilt)
        made = load_experiment(path)
        parts = made.load_data()
    trained = train_in_memory(made, parts)
    epochs = [(r.train_loss, r.validation_loss, r.validation_metrics) for r in trained.history]
    weights = {name: value.tobytes() for name, value in made.model.params.items()}
    task, model = forecast_task(made.evaluation), made.scored_model
    scores = task.evaluate(parts, model), task.stretches(parts, model)
    forecaster = task.scores_on(parts).forecaster(model)
    groups = [group_scores(parts, {"model": forecaster}, by, LEADS) for by in ("lead", "hour", "level")]  # type: ignore[arg-type]
    return epochs, weights, json.dumps([*scores, groups])


@pytest.mark.parametrize("poison", [1e9, np.nan])
@pytest.mark.parametrize("rivals", ["[DirectRidge]", "[{type: LightGBM, trees: 5}]"], ids=["ridge", "trees"])
def test_what_stands_in_filled_labels_changes_no_bit(
    poison: float, rivals: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Caught here: a weight that is not looked at in loss, gradient, metric, score, calibration or a rival's fit.
    if "LightGBM" in rivals:
        pytest.importorskip("lightgbm")
    path = experiment(tmp_path, rivals)
    clean, spoilt = (outcome(path, monkeypatch, what) for what in (None, poison))
    assert clean[0] == spoilt[0]
    assert clean[1] == spoilt[1]
    assert clean[2] == spoilt[2]


def test_how_a_gap_is_written_changes_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for gap in ("NA", "1e9"):
        (tmp_path / gap).mkdir()
        found.append(outcome(experiment(tmp_path / gap, gap=gap), monkeypatch, None))
    assert found[0] == found[1]
