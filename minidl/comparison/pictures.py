"""Which figures a comparison gets, with their files and what they say in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl.comparison import figures
from minidl.comparison.folder import ComparisonFolder
from minidl.comparison.tables import caption
from minidl.comparison.tested import metric_at, scores_of, terms
from minidl.comparison.together import best_words, profiles_figure
from minidl.plotting import style as look
from minidl.tasks.terms import OpenRun

Result = Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """A figure's file, its title, what a reader who cannot see it should know, and where it stands in the report.

    Parameters
    ----------
    place : before the tables of ``scores``, after these ``tables``, under ``differences``
        ``together`` or ``sweep``, or at the ``end``.
    """

    path: Path
    title: str
    alt: str
    place: str


def draw(folder: ComparisonFolder, result: Result, open_run: OpenRun) -> list[Picture]:
    """Draw all figures into ``figures/``; none if matplotlib is missing."""
    if not look.have_matplotlib():
        return []
    curves: dict[str, list[Any]] = {label: [] for label in result["configs"]}
    for record in folder.records():
        if record["label"] in curves and record["status"] == "done":
            curves[record["label"]].append(record["curve"])
    said, of = caption(result), terms(result)
    scores = f"Scores of {', '.join(result['configs'])}{of.everywhere()}. {_medians(result)} {said}"
    curve = "Training loss by epoch, over all seeds."
    made = [("scores", "scores", figures.scores_figure(result), f"Scores of every run. {said}", scores)]
    pair = result["pairs"][0]
    if pair["seeds"]:
        text = f"Differences of {pair['second']} - {pair['first']}. {result['verdict']['pairs'][0]['sentence']}"
        differences = figures.differences_figure(result)
        made.append(("differences", "differences", differences, f"Paired differences. {said}", text))
    if result["together"] is not None:
        title = f"Performance profiles. {said}"
        profiles = profiles_figure(result, list(figures.shown(result)))
        made.append(("together", "profiles", profiles, title, f"Share of runs above each score. {best_words(result)}"))
    made += [("tables", *drawn) for drawn in of.more_figures(result, figures.shown(result), said)]
    made.append(("end", "curves", figures.curves_figure(result, curves), "Learning curves", curve))
    for cost in ("parameters", "seconds") if result["trade_offs"] else ():
        title = f"Score against {cost}. {said}"
        text = f"Median score against {cost}; see the table."
        made.append(("sweep", f"by_{cost}", figures.sweep_figure(result, cost), title, text))
    pictures = [
        Picture(figures.save_svg(figure, folder.path / "figures" / f"{name}.svg"), title.strip(), alt.strip(), place)
        for place, name, figure, title, alt in made
    ]
    return [*pictures, *_of_median_runs(folder, result, open_run)]


def _medians(result: Result) -> str:
    row = result["asked"]["rows"][0]
    parts, metric = [], metric_at(result, row)
    for label in result["configs"]:
        median = scores_of(result, label)[row][metric.name]["median"]
        parts.append(f"{label} {'-' if median is None else f'{median:.4f}'}")
    return f"Medians of {metric.words}{terms(result).where([row], result['facts'])}: {', '.join(parts)}."


def _of_median_runs(folder: ComparisonFolder, result: Result, open_run: OpenRun) -> list[Picture]:
    """What the task draws of a trained model, for the median runs of the first two configs."""
    pictures = []
    for label in list(figures.shown(result))[:2]:
        seed = result["configs"][label]["median_seed"]
        if seed is None:
            continue
        run = f"{label}, seed {seed}"
        for name, figure, title, alt in terms(result).run_figures(*open_run(label, seed)):
            path = figures.save_svg(figure, folder.path / "figures" / f"{name}_{label}.svg")
            text = f"{title}: {run} (the median run). {caption(result)}"
            pictures.append(Picture(path, text.strip(), alt.format(run=run), "end"))
    return pictures
