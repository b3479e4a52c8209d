"""Each figure of a comparison as a whole: every line, mark, colour, size and word, against a description.

`figures.txt` was written by `described`, and read line by line beside the pictures. A figure
that is meant to look different changes it: ``python -m pytest tests/comparison/test_figures_in_full.py``
says in which lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn import described
from made_up import BROKEN, CONFIG, analysed, baseline, record

from minidl.comparison import figures
from minidl.tasks.forecast_figures import lead_figure

pytestmark = pytest.mark.figures
EXPECTED = Path(__file__).with_name("figures.txt")
PUBLISHED = {"source": "book", "r2": [0.65, 0.66, 0.67], "loss": [0.1, 0.2, 0.3]}


def rich() -> dict[str, Any]:
    """Three configs, of which one has published numbers, one broke twice and one collapsed once; no scores alike."""
    configs = {
        "one": {**CONFIG, "evaluation": {**CONFIG["evaluation"], "published": PUBLISHED}},
        "other": CONFIG,
        "third": CONFIG,
    }
    r2 = {
        "one": [0.70, 0.73, 0.71, 0.75, 0.77],
        "other": [0.60, BROKEN, 0.64, BROKEN, 0.62],
        "third": [0.69, 0.68, -2.0, 0.67, 0.74],
    }
    made = [record(label, seed, value) for label, values in r2.items() for seed, value in enumerate(values)]
    for run in made:
        for i, k in enumerate(("4", "2", "1") if run["status"] == "done" else ()):
            run["scores"]["block"][k]["r2"] += 0.01 * i
        for k in ("1", "2", "3", "4") if run["status"] == "done" else ():
            run["scores"]["lead"][k]["rmse"] += 2 * int(k)
    baselines = {"persistence": baseline(0.58, 42.0), "linear": baseline(0.66, 36.0), "mean": baseline(-3.0, 900.0)}
    return analysed(made, baselines, configs=configs)


def less_is_better() -> dict[str, Any]:
    """R² is undefined, so that RMSE is shown; one config of a single run, and one of which the worst is far away."""
    made = [record("one", 0, None, 5.0)]
    made += [record("other", seed, None, rmse) for seed, rmse in enumerate([6.0, 6.5, 6.25, 7.0, 6.75, 60.0])]
    return analysed(made, {"persistence": baseline(None, 7.5), "linear": baseline(None, 8.6)})


def one_value() -> dict[str, Any]:
    """The same score everywhere, 0, and a config of which nothing is left; the baseline is too far off to be shown."""
    made = [record("one", seed, 0.0, 1.0) for seed in range(2)] + [record("other", seed, BROKEN) for seed in range(2)]
    return analysed(made, {"persistence": baseline(-0.5, 9.0)})


def curves() -> dict[str, Any]:
    losses = {"one": [[9.0, 4.0, 1.0], [8.0, 5.0, 1.5], [7.0, 2.0, 1.25]], "other": [[6.0, 3.0]], "third": []}
    return {
        label: [{"epoch": list(range(1, len(run) + 1)), "train_loss": run} for run in [*runs, []]]
        for label, runs in losses.items()
    }


def trade_offs() -> list[dict[str, Any]]:
    found = []
    for short, score, parameters, seconds, best in (
        ("a=4", 0.8, 40, 3.0, (True, True)),
        ("a=3", 0.75, 30, None, (False, True)),
        ("a=2", 0.5, 20, 2.0, (False, False)),
        ("a=1", 0.6, 10, 1.0, (True, True)),
    ):
        by = dict(zip(("parameters", "seconds"), best, strict=True))
        found.append({"short": short, "score": score, "parameters": parameters, "seconds": seconds, "best_by": by})
    return found


def drawings() -> dict[str, Any]:
    result = rich()
    swept = {**result, "trade_offs": trade_offs()}
    return {
        "scores": figures.scores_figure(result),
        "scores where less is better": figures.scores_figure(less_is_better()),
        "scores that are all one": figures.scores_figure(one_value()),
        "differences": figures.differences_figure(result),
        "differences where less is better": figures.differences_figure(less_is_better()),
        "differences of nothing": figures.differences_figure(one_value()),
        "curves": figures.curves_figure(result, curves()),
        "sweep by parameters": figures.sweep_figure(swept, "parameters"),
        "sweep by seconds": figures.sweep_figure(swept, "seconds"),
        "error by lead": lead_figure(result, figures.shown(result)),
        "error by lead of few": lead_figure(less_is_better(), figures.shown(less_is_better())),
    }


def test_every_figure_is_as_it_is_described() -> None:
    expected = dict(part.split("\n", 1) for part in EXPECTED.read_text(encoding="utf-8").split("# ")[1:])
    for name, figure in drawings().items():
        assert described(figure) == expected[name].strip("\n").split("\n"), name


def test_a_description_tells_figures_apart() -> None:
    made = [described(figure) for figure in drawings().values()]
    assert len({tuple(lines) for lines in made}) == len(made)
    assert np.all([len(lines) > 4 for lines in made])
