"""Which pictures a comparison has, in which order, and what they say in words; what they show is in test_figures."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_up import BROKEN, of_two, record

from minidl.comparison import figures, pictures
from minidl.plotting import style as plot_style

GOOD, BAD = [0.70, 0.72, 0.71], [0.60, 0.63, 0.20]
ASSUMED = "Scores assume: later values of other columns are taken as known."


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Any, ...]]:
    """By figure, what it was asked to draw; nothing is drawn, and no forecasts are made."""
    asked: dict[str, tuple[Any, ...]] = {}
    monkeypatch.setattr(plot_style, "have_matplotlib", lambda: True)
    for name in ("scores", "differences", "curves", "sweep"):
        monkeypatch.setattr(
            figures, f"{name}_figure", lambda *arguments, name=name: asked.setdefault(name, arguments) and name
        )
    monkeypatch.setattr(figures, "save_svg", lambda figure, path: path)
    monkeypatch.setattr(pictures, "_of_median_runs", lambda folder, result, open_run: [])
    return asked


def draw(result: dict[str, Any]) -> list[pictures.Picture]:
    records = [{**record("one", seed, 0.7), "curve": {"epoch": [seed]}} for seed in range(2)]
    records += [record("other", 0, BROKEN), {**record("other", 1, 0.6), "curve": {"epoch": [7]}}]
    records += [{**record("one+fit_on_train", 0, 0.7), "curve": {"epoch": [9]}}]
    folder: Any = SimpleNamespace(path=Path("runs/compare-001"), records=lambda: records)
    return pictures.draw(folder, result, lambda *arguments: None)


def test_each_picture_has_its_file_its_title_and_its_words(drawn: dict[str, tuple[Any, ...]]) -> None:
    result = of_two(GOOD, BAD)
    made = draw(result)
    assert [picture.path for picture in made] == [
        Path("runs/compare-001/figures", f"{name}.svg") for name in ("scores", "differences", "error_by_lead", "curves")
    ]
    scores, differences, lead, curves = made
    for picture, title in ((scores, "Scores of every run."), (differences, "Paired differences."), (lead, "Error by")):
        assert picture.title.startswith(title)
        assert ASSUMED in picture.title
    assert curves.title == "Learning curves"  # of losses: nothing is assumed
    assert [picture.place for picture in made] == ["scores", "differences", "tables", "end"]
    medians = "Medians of R² at 4 hours: one 0.7100, other 0.6000."
    assert scores.alt == f"Scores of one, other at every horizon. {medians} {ASSUMED}"
    assert lead.alt.startswith("RMSE for each hour ahead, with the baselines. ")
    assert differences.alt == f"Differences of other - one. {result['verdict']['pairs'][0]['sentence']}"
    assert drawn["curves"][1] == {"one": [{"epoch": [0]}, {"epoch": [1]}], "other": [{"epoch": [7]}]}


def test_medians_that_fall_on_a_broken_run_are_a_dash(drawn: dict[str, tuple[Any, ...]]) -> None:
    assert "one 0.7100, other -." in draw(of_two(GOOD, [BROKEN, BROKEN, 0.6]))[0].alt


def test_a_pair_without_seeds_in_common_has_no_picture_of_differences(drawn: dict[str, tuple[Any, ...]]) -> None:
    result = of_two(GOOD, BAD)
    result["pairs"][0]["seeds"] = []
    assert [picture.path.stem for picture in draw(result)] == ["scores", "error_by_lead", "curves"]


def test_a_sweep_is_drawn_against_both_costs(drawn: dict[str, tuple[Any, ...]]) -> None:
    made = draw({**of_two(GOOD, BAD), "trade_offs": [{}]})
    assert [picture.path.stem for picture in made][-2:] == ["by_parameters", "by_seconds"]
    assert {picture.place for picture in made[-2:]} == {"sweep"}
    assert [picture.title.split(".")[0] for picture in made[-2:]] == [
        "Score against parameters",
        "Score against seconds",
    ]
    assert [picture.alt for picture in made[-2:]] == [
        f"Median score against {cost}; see the table." for cost in ("parameters", "seconds")
    ]
    assert drawn["sweep"][1] == "parameters"


def test_without_matplotlib_there_are_none(drawn: dict[str, tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot_style, "have_matplotlib", lambda: False)
    assert draw(of_two(GOOD, BAD)) == []
