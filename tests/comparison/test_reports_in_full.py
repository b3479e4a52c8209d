"""Whole reports of made-up comparisons, word by word, as they stand in `reports`.

Single numbers are checked by hand in test_tables and test_verdict. Here it is every word and
cell, and the order of them: whoever means to change a report changes the text that stands there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_up import BROKEN, CONFIG, analysed, baseline, record

from minidl.cli.compare import terminal_report
from minidl.comparison import report
from minidl.comparison.pictures import Picture
from minidl.forecasting.shortcuts import HONEST

REPORTS = Path(__file__).with_name("reports")


def config(layers: list[dict[str, Any]] | None = None, **evaluation: Any) -> dict[str, Any]:
    made = {**CONFIG, "evaluation": {**CONFIG["evaluation"], **evaluation}}
    return {**made, "model": {"type": "Sequential", "layers": layers}} if layers else made


DEEP = [
    {"type": "RecurrentLayer", "hidden_size": 2, "bias": False},
    {"type": "RecurrentLayer", "hidden_size": 3, "bias": False},
    {"type": "LastStep"},
    {"type": "Dense", "output_size": 1, "bias": False},
]


def run(label: str, seed: int, r2: float | None, rmse: float | None = None, *, seconds: float = 1.0) -> dict[str, Any]:
    """A run whose scores are different at every horizon and lead, and by every way to score it."""
    made = record(label, seed, r2, rmse)
    made["seconds"] = {"training": seconds, "scoring": 1.0}
    if made["status"] != "done":
        return made

    def moved(block: dict[str, Any], by: float) -> dict[str, Any]:
        return {
            k: {name: None if value is None else value + by * (i + 1) for name, value in one.items()}
            for i, (k, one) in enumerate(block.items())
        }

    scores, more = made["scores"], made["more"]
    made["scores"] = {"block": moved(scores["block"], 0.01), "lead": moved(scores["lead"], -0.02)}
    ways = {name: moved(block, -0.03 - 0.01 * i) for i, (name, block) in enumerate(more["covariates"].items())}
    made["more"] = {"covariates": ways, "shifted": moved(more["shifted"], 0.05 + 0.01 * seed)}
    return made


def runs(label: str, r2: list[float | None], seconds: float = 1.0) -> list[dict[str, Any]]:
    return [run(label, seed, value, seconds=seconds + seed) for seed, value in enumerate(r2)]


def of_two_kinds() -> dict[str, Any]:
    """Deep against single, eight seeds, of which one broke and one collapsed; every part of a report is there."""
    published = {"source": "book", "r2": [0.75, 0.85, 0.95], "loss": [0.01, 0.02, 0.03]}
    configs = {
        "single": config(published=published),
        "deep": config(DEEP, published={**published, "r2": [0.7, 0.8, 0.9]}),
    }
    made = runs("single", [0.70, 0.72, 0.71, 0.73, 0.74, 0.69, 0.75, 0.68], 2.0)
    made += runs("deep", [0.60, 0.63, 0.64, BROKEN, 0.62, -1.5, 0.66, 0.61], 1234.5)
    made += [{**one, "label": f"single{HONEST}"} for one in runs("single", [0.5, 0.6, 0.7])]
    for one in made[:4]:
        one["engine"] = "compiled"
    baselines = {"persistence": baseline(0.5, 50.0), "linear": baseline(0.65, 35.0), "seasonal": baseline(0.73, 27.0)}
    honest = {f"single{HONEST}": config()}
    result = analysed([one for one in made if HONEST not in one["label"]], baselines, configs=configs)
    protocol = analysed(made, baselines, configs=configs | honest)["protocol"]
    result["protocol"] = {label: protocol[label] for label in configs}
    leads = [
        {"lead": "1", "statistic": 3.456, "p": 0.0004, "n": 1234, "lags": 0},
        {"lead": "4", "statistic": -1.0, "p": 0.3, "n": 1231, "lags": 3},
    ]
    over_time = [{"first": "single", "second": "deep", "seeds": [2, 0], "leads": leads}]
    assumed = ["later values are known", "the scaler is fitted on all rows"]
    about = {"assumptions": {"single": assumed, "deep": assumed[:1]}, "left_out": {"mean": "it has no sense here."}}
    return {**result, **about, "over_time": over_time}


def all_better() -> dict[str, Any]:
    one = [0.70, 0.72, 0.71, 0.73, 0.74, 0.69, 0.75, 0.68]
    return analysed(runs("one", one) + runs("other", [r2 + 0.1 for r2 in one]))


def by_horizon() -> dict[str, Any]:
    """Each is better at one horizon, and at one nobody can tell."""
    one = [0.70, 0.72, 0.71, 0.73, 0.74, 0.69, 0.75, 0.68]
    made = runs("one", one) + runs("other", one)
    for other in made[8:]:
        seed = other["seed"]
        other["scores"]["block"]["4"]["r2"] += 0.1 + seed / 1000
        other["scores"]["block"]["2"]["r2"] += 0.1 * (-1) ** seed
        other["scores"]["block"]["1"]["r2"] -= 0.1 + seed / 1000
    return analysed(made)


def without_r2() -> dict[str, Any]:
    """R² is undefined at two of three horizons; three configs."""
    made = []
    for i, label in enumerate(("one", "other", "third")):
        made += [run(label, seed, 0.7 - 0.1 * i - seed / 100, 5.0 + i + seed / 10) for seed in range(7)]
    baselines = {"persistence": baseline(0.5, 9.0), "linear": baseline(0.65, 6.0)}
    for scores in [*(one["scores"] for one in made), *baselines.values()]:
        scores["block"]["4"]["r2"] = scores["block"]["2"]["r2"] = None
    return analysed(made, baselines)


def nowhere_r2() -> dict[str, Any]:
    made = [
        run(label, seed, None, 5.0 + i + seed / 10) for i, label in enumerate(("one", "other")) for seed in range(7)
    ]
    return analysed(made, {"persistence": baseline(None, 5.5)})


def few_seeds() -> dict[str, Any]:
    return analysed(runs("one", [0.7]) + runs("other", [0.6]))


def all_broken() -> dict[str, Any]:
    return analysed(runs("one", [BROKEN] * 3) + runs("other", [BROKEN] * 3) + runs("third", [BROKEN] * 3))


def one_broken_config() -> dict[str, Any]:
    return analysed(runs("one", [0.7, 0.71, 0.72, 0.73, 0.74, 0.75, 0.76]) + runs("other", [BROKEN] * 7))


def all_the_same() -> dict[str, Any]:
    return analysed(runs("one", [0.7, 0.8]) + runs("other", [0.7, 0.8]))


def sweep_of(count: int) -> dict[str, Any]:
    """A grid of widths; all of its configs but one lose to a baseline."""
    points, configs, made = {}, {}, []
    for i in range(count):
        label = f"net-{i}"
        points[label] = {"model.layers.0.hidden_size": i + 1}
        configs[label] = config([{"type": "RecurrentLayer", "hidden_size": i + 1}, *DEEP[2:]])
        made += [run(label, seed, 0.5 + 0.02 * (i % 5) + 0.01 * seed, seconds=10.0 - i) for seed in range(2)]
    for one in made[6:8]:
        one["scores"]["block"] = baseline(0.9, 9.0)["block"]
    baselines = {"persistence": baseline(0.4, 60.0), "linear": baseline(0.61, 25.0)}
    return analysed(made, baselines, configs=configs, points=points)


def of_eight() -> dict[str, Any]:
    """So many costs are listed."""
    return sweep_of(8)


def of_nine() -> dict[str, Any]:
    """So many costs are not, but the eight configs that lose to a baseline are."""
    return sweep_of(9)


def of_ten() -> dict[str, Any]:
    """So many configs that lose are counted."""
    return sweep_of(10)


CASES = {
    case.__name__: case
    for case in (
        of_two_kinds,
        all_better,
        by_horizon,
        without_r2,
        nowhere_r2,
        few_seeds,
        all_broken,
        one_broken_config,
        all_the_same,
        of_eight,
        of_nine,
        of_ten,
    )
}
PLACES = ("scores", "differences", "tables", "sweep", "end")


WHOLE = ("of_two_kinds", "without_r2", "of_nine")  # of the others the terminal's report is enough


def reported(name: str) -> list[str]:
    """What the terminal shows, and the report in Markdown."""
    result = CASES[name]()
    lines = [line.rstrip() for line in terminal_report(result)]
    if name in WHOLE:
        pictures = [Picture(Path(f"{place}.svg"), place, f"words of {place}", place) for place in PLACES]
        blocks = list(report._blocks(result, pictures, "minidl compare a.yaml"))
        lines += ["", *report.markdown(blocks).splitlines()]
    return lines


@pytest.mark.parametrize("name", CASES)
def test_a_report_says_what_stands_in_its_file(name: str) -> None:
    expected = (REPORTS / f"{name}.md").read_text(encoding="utf-8")
    assert reported(name) == expected.splitlines()
