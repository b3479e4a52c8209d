"""What a report says of all configs together: words, tables, and profiles against counted shares."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from made_up import BROKEN, analysed, baseline, record

from minidl.comparison.many import all_together
from minidl.comparison.together import (
    best_words,
    improvement_table,
    profiles_figure,
    together_blocks,
    together_table,
)


def of(scores: dict[str, list[float | None]], *, rmse: bool = False) -> dict[str, Any]:
    """A result with these R², or with no R² and these RMSE."""
    made = [
        record(label, seed, None, value) if rmse and value is not None else record(label, seed, value)
        for label, values in scores.items()
        for seed, value in enumerate(values)
    ]
    return analysed(made, {"persistence": baseline(None, 9.0)} if rmse else None)


THREE: dict[str, list[float | None]] = {
    "one": [0.1, 0.2, 0.15, 0.12, 0.18, 0.16, 0.11, 0.19],
    "two": [0.5, 0.6, 0.55, 0.52, 0.58, 0.56, 0.51, BROKEN],
    "three": [0.6, 0.5, 0.56, 0.51, 0.59, 0.55, 0.52, 0.53],
}


def with_sets(*sets: dict[str, float] | None) -> dict[str, Any]:
    result = _three()
    together = {**result["together"], "set": dict(zip(("4", "2", "1"), sets, strict=True))}
    return {**result, "together": together}


@functools.cache
def _three() -> dict[str, Any]:
    return of(THREE)


ALL, TWO, ONE = ({"one": p, "two": q, "three": 1.0} for p, q in ((0.051, 0.3), (0.05, 0.051), (0.01, 0.05)))


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ((ALL, ALL, ALL), "Each of the 3 configs may be the best at 4, 2 and 1 hours (95 % model confidence set)."),
        ((ALL, TWO, None), "Each of the 3 configs may be the best at 4 hours (95 % model confidence set)."),
        (
            (TWO, ONE, TWO),
            "The best of 3 configs is, with 95 % confidence, among two and three at 4 and 1 hours (model confidence "
            "set).",
        ),
        ((ONE, ALL, None), "The best of 3 configs is, with 95 % confidence, three at 4 hours (model confidence set)."),
        (
            (None, ONE, ONE),
            "The best of 3 configs is, with 95 % confidence, three at 2 and 1 hours (model confidence set).",
        ),
        ((None, None, None), ""),
    ],
)
def test_the_configs_that_may_be_the_best_are_named_with_the_rows_that_say_so(
    sets: tuple[dict[str, float] | None, ...], words: str
) -> None:
    assert best_words(with_sets(*sets)) == words


@pytest.mark.parametrize(("n", "words"), [(8, "net0, net1, "), (9, "9 of them (see the table)")])
def test_many_that_may_be_the_best_are_counted(n: int, words: str) -> None:
    result = of({f"net{i}": [0.1, 0.2] for i in range(10)})
    result["together"]["set"] = {row: {f"net{i}": float(i < n) for i in range(10)} for row in ("4", "2", "1")}
    assert f"with 95 % confidence, among {words}" in best_words(result)


def test_two_configs_are_no_matter_of_this_section() -> None:
    two = of({label: THREE[label] for label in ("one", "two")})
    assert best_words(two) == ""
    assert list(together_blocks(two)) == []


def test_tables_hold_the_set_and_the_means_and_chances_with_their_intervals() -> None:
    result = with_sets(TWO, ALL, None)
    means = result["together"]["interquartile_mean"]
    # By hand: the middle half of eight, 0.12, 0.15, 0.16 and 0.18; the broken run is the lowest one.
    assert means["one"]["value"] == pytest.approx((0.12 + 0.15 + 0.16 + 0.18) / 4)
    assert means["two"]["value"] == pytest.approx((0.51 + 0.52 + 0.55 + 0.56) / 4)
    head, one, two, three = together_table(result)
    assert [cell.partition(", p, ")[0] for cell in head] == ["", *["in the set"] * 3, head[4]]
    assert head[4].startswith("interquartile mean of R², ")
    assert one[:4] == ["one", "no, 0.050", "yes, 0.051", "-"]
    assert two[:4] == ["two", "yes, 0.051", "yes, 0.300", "-"]
    assert three[:4] == ["three", "yes, 1.000", "yes, 1.000", "-"]
    for row in (one, three):
        low, high = means[row[0]]["low"], means[row[0]]["high"]
        assert row[4] == f"{means[row[0]]['value']:.4f} ({low:.4f} to {high:.4f})"
    chances = improvement_table(result)
    assert chances[0] == ["better than", "one", "two", "three"]
    assert [row[k] for k, row in enumerate(chances[1:], 1)] == ["", "", ""]
    assert chances[1][2].startswith("0.12 (")  # each of one beats the broken run of two, and nothing else
    assert chances[2][1].startswith("0.88 (")
    assert chances[3][1] == "1.00 (0.59 to 1.00)"  # 10 of 12, with two failures and two successes: 0.83 - 2.20 · 0.112
    kinds = [kind for kind, _ in together_blocks(result)]
    assert kinds == ["heading", "text", "table", "text", "table"]
    assert all("R² at 4 hours" in told for kind, told in together_blocks(result) if kind == "text")  # the first row
    many = of({f"net{i}": [0.1, 0.2] for i in range(7)})
    assert [kind for kind, _ in together_blocks(many)] == ["heading", "text", "table"]


def share(scores: list[float | None], x: float, sign: int) -> float:
    return sum(one is not None and sign * one > sign * x for one in scores) / len(scores)


@pytest.mark.figures
@pytest.mark.parametrize("sign", [1, -1])
def test_profiles_are_shares_of_runs_that_are_better(sign: int) -> None:
    scores = {label: [one if one is None or sign > 0 else 10 * one for one in row] for label, row in THREE.items()}
    result = of(scores, rmse=sign < 0)
    figure = profiles_figure(result, ["two", "one"])
    above, below = figure.axes
    assert [line.get_label() for line in above.lines] == ["two", "one"]
    for line, label in zip(above.lines, ("two", "one"), strict=True):
        assert line.get_drawstyle() == "steps-pre"
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        values = [one for one in scores[label] if one is not None]
        assert (min(x), max(x)) == pytest.approx(
            (2 * min(values) - max(values) - 1, max(values))
            if sign > 0
            else (min(values), 2 * max(values) - min(values) + 1)
        )
        for i in range(1, len(x)):
            if x[i] != x[i - 1]:
                assert y[i] == pytest.approx(share(scores[label], (x[i] + x[i - 1]) / 2, sign))
        assert y[-1] == 0
    means = result["together"]["interquartile_mean"]
    marks = [line for line in below.lines if line.get_marker() == "D"]
    bars = [line for line in below.lines if line.get_marker() != "D"]
    assert [(float(line.get_xdata()[0]), int(line.get_ydata()[0])) for line in marks] == [
        (pytest.approx(means[label]["value"]), y) for y, label in enumerate(("two", "one"))
    ]
    whole = [(y, label) for y, label in enumerate(("two", "one")) if None not in means[label].values()]
    assert [[*line.get_xdata(), *line.get_ydata()] for line in bars] == [
        [pytest.approx(means[label]["low"]), pytest.approx(means[label]["high"]), y, y] for y, label in whole
    ]
    assert above.get_ylim() == (0, 1.05)
    assert below.get_ylim() == (1.5, -0.5)
    assert [text.get_text() for text in below.get_yticklabels()] == ["two", "one"]
    title = above.get_title(loc="left")
    assert title.startswith("Share of runs with R² above x, " if sign > 0 else "Share of runs with RMSE below x, ")
    assert above.get_xlim() == below.get_xlim()


@pytest.mark.figures
@pytest.mark.parametrize(
    ("values", "left", "right"),
    [
        ([0.0, 0.25, 0.5, 1.0], 0.0, 1.0),
        ([0.5, 0.5], 0.5, 0.5),
        # The lowest quarter begins at 0.2, of a run that collapsed nothing is left: 0.2 - 3 · 0.8.
        ([-50.0, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 1.0], 0.2 - 3 * 0.8, 1.0),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_few_runs_that_collapsed_do_not_squeeze_the_rest(
    values: list[float], left: float, right: float, sign: int
) -> None:
    scores: list[float | None] = [value if sign > 0 else 60 - value for value in values]
    figure = profiles_figure(of(dict.fromkeys("abc", scores), rmse=sign < 0), ["a", "b", "c"])
    room = 0.04 * (right - left) or 0.01
    ends = (left - room, right + room) if sign > 0 else (60 - right - room, 60 - left + room)
    assert figure.axes[0].get_xlim() == pytest.approx(ends, abs=1e-6)


@pytest.mark.figures
def test_configs_of_which_every_run_broke_have_neither_profile_nor_mean() -> None:
    figure = profiles_figure(of({"a": [BROKEN, BROKEN], "b": [0.5, 0.6], "c": [BROKEN, 0.1]}), ["a", "b", "c"])
    assert [line.get_label() for line in figure.axes[0].lines] == ["b", "c"]
    assert np.asarray(figure.axes[0].lines[1].get_ydata()).tolist()[0] == 0.5
    nothing = profiles_figure(of({"a": [BROKEN], "b": [BROKEN], "c": [BROKEN]}), ["a", "b", "c"])
    assert not nothing.axes[0].lines
    assert not nothing.axes[1].lines


def test_all_together_is_of_the_seeds_that_every_config_has() -> None:
    seeds = {"a": [0, 1, 2, 3, 5, 6], "b": [6, 5, 4, 3, 2, 1], "c": [1, 2, 3, 5, 6, 7]}
    made = [
        record(label, seed, 0.1 * k + 0.01 * (seed**2 % 7)) for k, label in enumerate(seeds) for seed in seeds[label]
    ]
    made[2] = record("a", 2, BROKEN)
    found = analysed(made)["together"]
    common = [1, 2, 3, 5, 6]
    scores = {
        label: [math.nan if (label, s) == ("a", 2) else 0.1 * k + 0.01 * (s**2 % 7) for s in common]
        for k, label in enumerate(seeds)
    }
    expected = all_together(dict.fromkeys(("4", "2", "1"), scores), dict.fromkeys(("4", "2", "1"), 1), 1e-9)
    for label in "abc":
        assert found["interquartile_mean"][label] == pytest.approx(expected["interquartile_mean"][label])
        assert found["set"]["2"][label] == pytest.approx(expected["set"]["2"][label])
        for other in set("abc") - {label}:
            assert found["improvement"][label][other] == pytest.approx(expected["improvement"][label][other])
    apart = [record(label, seed, 0.5) for seed, label in enumerate("abc")]
    assert analysed(apart)["together"] is None
