"""Which figures a comparison gets, with their files and what they say in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl import plot_style as look
from minidl.comparison import figures
from minidl.comparison.folder import ComparisonFolder
from minidl.comparison.splits import load_splits
from minidl.comparison.tables import caption
from minidl.comparison.tasks import set_weights
from minidl.comparison.tested import WORDS, metric_at
from minidl.data.steps import unit
from minidl.forecasting import model_forecaster
from minidl.tasks import forecast_task

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """A figure's file, its title, and what a reader who cannot see it should know."""

    path: Path
    title: str
    alt: str


def draw(folder: ComparisonFolder, result: Result) -> list[Picture]:
    """Draw all figures into ``figures/``; none if matplotlib is missing."""
    if not look.have_matplotlib() or not any(config["block"] for config in result["configs"].values()):
        return []
    names = ", ".join(result["configs"])
    curves: dict[str, list[Any]] = {label: [] for label in result["configs"]}
    for record in folder.records():
        if record["label"] in curves and record["status"] == "done":
            curves[record["label"]].append(record["curve"])
    said = caption(result)
    scores = f"Scores of {names} at each horizon. {_medians(result)} {said}"
    lead = f"RMSE for each {unit(result['step'])} ahead, with the baselines. {said}"
    curve = "Training loss by epoch, over all seeds."
    made = [
        (figures.scores_figure(result), "scores", f"Scores of every run. {said}", scores),
        (figures.lead_figure(result), "error_by_lead", f"Error by lead. {said}", lead),
        (figures.curves_figure(result, curves), "curves", "Learning curves", curve),
    ]
    pair = result["pairs"][0]
    if pair["seeds"]:
        text = f"Differences of {pair['second']} - {pair['first']}. {result['verdict']['pairs'][0]['sentence']}"
        title = f"Paired differences. {said}"
        made.insert(1, (figures.differences_figure(result), "differences", title, text))
    if result.get("trade_offs"):
        for cost in ("parameters", "seconds"):
            figure = figures.sweep_figure(result, cost)
            title = f"Score against {cost}. {said}"
            made.append((figure, f"by_{cost}", title, f"Median score against {cost}; see the table."))
    pictures = [
        Picture(figures.save_svg(figure, folder.path / "figures" / f"{name}.svg"), title, alt)
        for figure, name, title, alt in made
    ]
    return [*pictures, *_forecasts(folder, result)]


def _medians(result: Result) -> str:
    k = result["asked"]["horizons"][0]
    parts, metric = [], metric_at(result, k)
    for label, config in result["configs"].items():
        median = config["block"][k][metric]["median"]
        parts.append(f"{label} {'-' if median is None else f'{median:.4f}'}")
    return f"Medians of {WORDS[metric]} at {k} {result['step']}: {', '.join(parts)}."


def _forecasts(folder: ComparisonFolder, result: Result) -> list[Picture]:
    """Forecast against truth, of each config's median run."""
    from minidl.plotting import forecast_figure

    pictures = []
    records = {(record["label"], record["seed"]): record for record in folder.records()}
    entries = {entry.label: entry for entry in folder.plan.compared()}
    for label in list(figures.shown(result))[:2]:
        seed = result["configs"][label]["median_seed"]
        if seed is None:
            continue
        experiment = entries[label].experiment(seed)
        splits = load_splits(experiment)
        set_weights(experiment.model, folder.weights(records[label, seed]))
        evaluation = forecast_task(experiment.evaluation)
        forecaster = model_forecaster(splits, experiment.model, evaluation.future_covariates)
        ends = sorted({max(evaluation.horizons), min(evaluation.horizons)}, reverse=True)
        figure = forecast_figure(splits, forecaster, ends, assumption=result["assumptions"][label][0])
        figure.set_size_inches(11, 1.8 + 2.3 * len(ends))
        path = figures.save_svg(figure, folder.path / "figures" / f"forecast_{label}.svg")
        alt = f"Forecasts of {label}, seed {seed}, beside the truth over a stretch of the test part."
        title = f"Forecast and truth: {label}, seed {seed} (the median run). {caption(result)}"
        pictures.append(Picture(path, title, alt))
    return pictures
