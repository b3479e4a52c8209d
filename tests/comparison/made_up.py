"""Results of comparisons that were never run: records with scores of one's choice, analysed like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl.comparison.analysis import analyse
from minidl.comparison.entries import Entry
from minidl.comparison.folder import Plan
from minidl.comparison.report import _blocks, html_body, markdown

HORIZONS = (4, 2, 1)
# R² and RMSE of eight seeds.
GOOD = [0.70, 0.72, 0.71, 0.73, 0.74, 0.69, 0.75, 0.68]
BAD = [0.60, 0.63, 0.64, 0.61, 0.62, 0.57, 0.70, 0.55]  # worse in every seed, by 0.10 on average
SMALL, LARGE = [3.0, 3.2, 3.1, 3.4, 3.3, 2.9, 3.5, 2.8], [4.0, 4.3, 4.2, 4.1, 4.6, 3.9, 4.4, 3.7]
BROKEN = None  # in place of a score: the training of that run met NaN
CONFIG: dict[str, Any] = {
    "dtype": "float64",
    "engine": "numpy",
    "data": {
        "series": {"type": "CSVSeries", "path": "air.csv", "target": "pm", "features": ["pm"]},
        "time_steps": 6,
        "test_size": 60,
        "scaler": {"type": "MinMaxScaler", "fit_on": "train"},
        "validation": None,
    },
    "model": {
        "type": "Sequential",
        "layers": [
            {"type": "RecurrentLayer", "hidden_size": 2},
            {"type": "LastStep"},
            {"type": "Dense", "output_size": 1},
        ],
    },
    "loss": {"type": "HalfMSE"},
    "optimizer": {"type": "SGD", "learning_rate": 0.1},
    "training": {"epochs": 1},
    "evaluation": {"horizons": list(HORIZONS), "checkpoint": "last", "future_covariates": "actual"},
}


def scores(r2: float | None, rmse: float) -> dict[str, Any]:
    """Of one block or lead."""
    return {"r2": r2, "rmse": rmse, "mae": 0.8 * rmse, "loss": rmse / 1000}


def record(label: str, seed: int, r2: float | None, rmse: float | None = None) -> dict[str, Any]:
    """A run with this R² everywhere and, unless it is given, an RMSE of 100 (1 - R²)."""
    if r2 is BROKEN and rmse is None:
        return {
            "label": label,
            "seed": seed,
            "status": "failed",
            "error": "NaN in step 3.",
            "seconds": {"training": 1.0},
        }
    made = scores(r2, 100 * (1 - r2) if rmse is None and r2 is not None else rmse or 0.0)
    block = {str(k): dict(made) for k in HORIZONS}
    return {
        "label": label,
        "seed": seed,
        "status": "done",
        "error": None,
        "engine": "numpy",
        "scores": {"block": block, "lead": {str(k): dict(made) for k in range(1, 5)}},
        "stretches": {},
        "more": {"covariates": {"hold_last": block, "same_hour_yesterday": block}, "shifted": block},
        "seconds": {"training": 1.0, "scoring": 1.0},
    }


def baseline(r2: float | None, rmse: float) -> dict[str, Any]:
    """The same scores at every horizon and lead."""
    block = {str(k): scores(r2, rmse) for k in HORIZONS}
    return {"block": block, "lead": {str(k): scores(r2, rmse) for k in range(1, 5)}}


def analysed(
    records: Sequence[dict[str, Any]],
    baselines: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] = CONFIG,
    configs: Mapping[str, Mapping[str, Any]] | None = None,
    points: Mapping[str, Mapping[str, Any]] | None = None,
    smallest: float | None = None,
) -> dict[str, Any]:
    """What comparison.json would say of these runs; `configs` and `points` of a sweep are by label."""
    labels = list(dict.fromkeys(one["label"] for one in records))
    entries = tuple(Entry(label, (configs or {}).get(label, config), (points or {}).get(label, {})) for label in labels)
    seeds = len({one["seed"] for one in records})
    plan = Plan(entries, seeds, (), {label: {} for label in labels}, "0", smallest=smallest)
    data = {
        "baselines": baselines or {"persistence": baseline(-1.0, 200.0)},
        "facts": {"units": "µg/m³", "step": "h"},
        "assumptions": {label: ["later values of other columns are taken as known"] for label in labels},
        "left_out": {},
    }
    return {**analyse(plan, records, data), "over_time": []}


def of_two(one: Sequence[float | None], other: Sequence[float | None], **arguments: Any) -> dict[str, Any]:
    """Configs ``one`` and ``other`` with these R², seed by seed."""
    made = [record("one", seed, r2) for seed, r2 in enumerate(one)]
    return analysed([*made, *(record("other", seed, r2) for seed, r2 in enumerate(other))], **arguments)


def undefined(one: list[float], other: list[float]) -> dict[str, Any]:
    """Runs with these RMSE on a target that never changes."""
    made = [record("one", seed, None, rmse) for seed, rmse in enumerate(one)]
    made += [record("other", seed, None, rmse) for seed, rmse in enumerate(other)]
    return analysed(made, {"persistence": baseline(None, 5.0)})


def report_of(result: dict[str, Any]) -> str:
    """The blocks of report.md."""
    blocks = list(_blocks(result, [], "minidl compare"))
    assert html_body(blocks).count("<table") == markdown(blocks).count("|---|\n")
    return markdown(blocks)
