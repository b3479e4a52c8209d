"""The texts of a comparison's figures: whole, apart from each other, and of letters that there are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from made_up import of_two

from minidl.comparison import figures
from minidl.tasks.forecast_figures import lead_figure

pytestmark = pytest.mark.figures


def test_what_fonts_have_no_sign_for_is_shown_escaped(tmp_path: Path) -> None:
    def written(units: str) -> bytes:
        result = {**of_two([0.70, 0.72], [0.60, 0.63]), "facts": {"units": units, "step": "h"}}
        figure = lead_figure(result, figures.shown(result))
        return figures.save_svg(figure, tmp_path / "figures" / "lead.svg").read_bytes()

    assert written("a\x1b$b$") == written("a\\x1b$b$") != written("ab")


def curve(*losses: float) -> dict[str, Any]:
    return {"epoch": list(range(1, len(losses) + 1)), "train_loss": list(losses)}


def test_no_text_is_cut_off_and_numbers_of_an_axis_stand_apart() -> None:
    near = of_two([0.8434, 0.8510, 0.8554, 0.8563, 0.8583], [0.8504, 0.8514, 0.8576, 0.8577, 0.8629])
    early = {"one": [curve(4.0), curve(5.0, 3.0)], "other": [curve(1.0)]}
    for figure in (figures.scores_figure(near), figures.differences_figure(near), figures.curves_figure(near, early)):
        figure.draw_without_rendering()
        for axes in figure.axes:
            assert axes.get_tightbbox().x1 <= figure.bbox.x1 + 0.02 * figure.bbox.width
            boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
            inside = [box for box in boxes if axes.bbox.x0 <= (box.x0 + box.x1) / 2 <= axes.bbox.x1]
            assert all(left.x1 + 5 < right.x0 for left, right in pairwise(inside))
