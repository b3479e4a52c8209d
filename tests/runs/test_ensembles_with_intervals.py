"""Ensembles of runs with intervals: quantiles are averaged, calibrated together, scored and predicted."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from small_runs import trained

from minidl.runs.ensemble import Ensemble
from minidl.runs.run import Run

LEVELS = "loss={type: Quantile, levels: [0.1, 0.5, 0.9]}"
QUANTILES = (LEVELS, "model.layers.2.output_size=12")
GAUSSIAN = ("loss=GaussianNLL", "model.layers.2.output_size=8")
ASKED = "evaluation.intervals={coverage: 0.8, conformal: true}"
T, LEADS = 6, 4


def runs_of(*kinds: tuple[str, ...], asked: str = ASKED) -> list[Run]:
    return [trained(f"seed={seed}", *kind, asked)[0] for seed, kind in enumerate(kinds, 1)]


def quantiles(ensemble: Ensemble, data: Any, starts: Any) -> Any:
    """(members, windows, leads, 3): each member's quantiles 0.1, 0.5 and 0.9 in units, window by window."""
    found = []
    for run, splits in zip(ensemble.runs, data, strict=True):
        y = run.experiment.model(np.array([splits.values[start : start + T] for start in starts]))
        if run.experiment.loss.per_target == 2:
            y = y.reshape(len(starts), LEADS, 2)
            deviation = np.sqrt(np.exp(y[..., 1]) + 1e-6)
            y = np.stack([y[..., 0] + NormalDist().inv_cdf(level) * deviation for level in (0.1, 0.5, 0.9)], axis=-1)
        found.append(splits.scale.unscale(np.sort(y.reshape(len(starts), LEADS, 3), axis=-1), 0))
    return np.array(found)


def margins(lower: Any, upper: Any, truth: Any) -> list[float]:
    """By lead, in units: the ⌈0.8 (n + 1)⌉-th smallest margin that an interval must be widened by."""
    n = len(truth)
    return [
        float(np.sort(np.maximum(lower - truth, truth - upper)[:, j])[math.ceil(0.8 * (n + 1)) - 1])
        for j in range(LEADS)
    ]


@pytest.fixture
def ensemble(folder: Path) -> Ensemble:
    return Ensemble(runs_of(QUANTILES, GAUSSIAN, QUANTILES))


def test_scores_are_of_the_mean_of_quantiles_calibrated_together(ensemble: Ensemble) -> None:
    # Caught here: members' own margins, a calibration on the test part, and a mean of scaled values.
    data = ensemble.load_data()
    scores = ensemble.evaluate(data)
    first = data[0]
    weights = np.array([scores["weights"]["by_lead"][name] for name in ensemble.names])
    values = first.table.values[:, 0]
    checked = first.validation.starts
    rows = T + np.arange(LEADS)
    of_checked = np.einsum("mnjq,mj->njq", quantiles(ensemble, data, checked), weights)
    margin = margins(of_checked[..., 0], of_checked[..., 2], values[checked[:, None] + rows])
    assert scores["intervals"]["margins"] == pytest.approx(np.array(margin) / first.scale.range[0], rel=1e-6)
    starts = first.test.starts[: len(first.test) - LEADS + 1]
    mean, truth = np.einsum("mnjq,mj->njq", quantiles(ensemble, data, starts), weights), values[starts[:, None] + rows]
    for j in range(LEADS):
        lower, upper, y = mean[:, j, 0] - margin[j], mean[:, j, 2] + margin[j], truth[:, j]
        found = scores["lead"][str(j + 1)]
        assert found["coverage"] == pytest.approx(np.mean((lower <= y) & (y <= upper)))
        assert found["width"] == pytest.approx(np.mean(upper - lower), rel=1e-6)
        losses = [
            np.maximum(tau * (y - mean[:, j, q]), (tau - 1) * (y - mean[:, j, q]))
            for q, tau in enumerate((0.1, 0.5, 0.9))
        ]
        assert found["crps"] == pytest.approx(2 * np.mean(losses), rel=1e-6)
    assert any(
        line.startswith(f"the intervals were calibrated on {len(checked)} win") for line in scores["assumptions"]
    )


def test_members_stand_beside_with_intervals_of_their_own(ensemble: Ensemble) -> None:
    alone = [run.evaluate(run.experiment.load_data()) for run in ensemble.runs]
    scores = ensemble.evaluate(ensemble.load_data())
    for run, one in zip(ensemble.runs, alone, strict=True):
        assert scores["members"][str(run.path)]["lead"] == one["lead"]
    assert scores["equal_weights"]["lead"]["1"]["width"] > 0
    assert math.isnan(scores["baselines"]["persistence"]["lead"]["1"]["coverage"])


def test_a_prediction_has_the_interval_that_was_scored(ensemble: Ensemble) -> None:
    # No run was evaluated: the margins are the mixture's, not the runs'.
    data = ensemble.load_data()
    weights, start = ensemble.weights(data), data[0].test.starts[20:21]
    spread = ensemble.spread(ensemble.members(data), weights)
    assert spread is not None
    scored = spread.interval(spread.distributions(start, LEADS), LEADS)
    lines = Path("air.csv").read_text().splitlines()
    Path("past.csv").write_text("\n".join(lines[: 1 + int(start[0]) + T]) + "\n")
    made: Any = ensemble.predict(Path("past.csv"))
    for end, expected in zip(made.interval, scored, strict=True):
        np.testing.assert_allclose(end, data[0].scale.unscale(expected[0], 0), rtol=1e-5)
    assert made.said().endswith(
        "lower and upper are the ends of intervals of 80 %, calibrated on the validation part, from the mean of the "
        "runs' quantiles"
    )
    assert made.table()[0][2:] == ["lower", "upper"]


def test_of_gaussians_the_interval_is_widened_in_deviations(folder: Path) -> None:
    ensemble = Ensemble(runs_of(GAUSSIAN, GAUSSIAN, asked=ASKED.replace("true", "false")))
    made: Any = ensemble.predict()
    each = [run.predict() for run in ensemble.runs]
    for i in range(2):
        np.testing.assert_allclose(made.interval[i], np.mean([one.interval[i] for one in each], axis=0), rtol=1e-9)
    assert "as the model says, not calibrated" in made.said()


def test_a_mixture_is_calibrated_only_if_all_its_runs_are(folder: Path) -> None:
    runs = [trained(*QUANTILES, asked)[0] for asked in (ASKED, ASKED.replace("true", "false"))]
    intervals = Ensemble(runs).task.intervals
    assert intervals is not None
    assert not intervals.conformal


@pytest.mark.parametrize(
    ("kind", "asked", "said"),
    [
        (
            ("loss=HalfMSE", "model.layers.2.output_size=4"),
            "evaluation.intervals=null",
            "runs/small-002 has no intervals",
        ),
        (GAUSSIAN, "evaluation.intervals={coverage: 0.5}", "their coverage differs"),
    ],
)
def test_what_cannot_be_mixed_leaves_points_alone_and_that_is_said(
    folder: Path, kind: tuple[str, ...], asked: str, said: str
) -> None:
    ensemble = Ensemble([trained(*QUANTILES, ASKED)[0], trained(*kind, asked)[0]])
    made: Any = ensemble.predict()
    assert made.interval is None
    assert f"; of points alone, since {said}" in made.said()
    assert "crps" not in ensemble.evaluate(ensemble.load_data())["lead"]["1"]
