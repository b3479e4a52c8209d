"""Many configs together: against plain loops, and where the truth is planted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_up import BROKEN, analysed, record, report_of

from minidl.comparison import many
from minidl.comparison.many import (
    all_together,
    improvement,
    interquartile,
    interquartile_mean,
    model_confidence_set,
)
from minidl.comparison.sign_flips import SEED, sign_flips

stats = pytest.importorskip("scipy.stats")


def test_of_two_configs_the_set_is_the_paired_permutation_test() -> None:
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.3, 1.0):
        x = rng.normal(0, 1, (12, 2)) + np.array([0.0, shift])
        p = model_confidence_set(x)
        assert p.max() == 1
        # t and the mean order the exchanges alike; 999 of them are drawn.
        assert p.min() == pytest.approx(sign_flips(x[:, 1] - x[:, 0]).p, abs=0.05)


def test_the_worst_leave_the_set_and_equal_ones_stay() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.1, (10, 1)) + rng.normal(0, 0.1, (10, 4)) + np.array([0.0, 0.5, 0.5, 0.2])
    p = model_confidence_set(x)
    assert (p > 0.05).tolist() == [False, True, True, False]
    assert p[0] <= p[3]  # it leaves first
    assert model_confidence_set(np.ones((5, 3))).tolist() == [1.0, 1.0, 1.0]
    assert model_confidence_set(np.ones((5, 2)) + np.array([0.0, 1e-12]), none=1e-9).tolist() == [1.0, 1.0]


def test_what_leaves_later_has_no_smaller_p() -> None:
    # When the first of three has gone, one of the other two looks worse by its own test (0.03).
    x = np.round(np.random.default_rng(6).normal(0, 1, (8, 3)), 1)
    p = np.sort(model_confidence_set(x))
    assert p[0] == p[1] > 0.2


def test_interquartile_means_and_chances_are_those_of_plain_loops() -> None:
    x, y = np.array([5.0, 1.0, 2.0, 100.0, 3.0, 4.0]), np.array([3.0, 0.0, 9.0, 1.0, 1.0, 7.0])
    eight = np.array([*x, -7.0, 6.0])
    assert interquartile_mean(eight) == pytest.approx((2 + 3 + 4 + 5) / 4)
    assert interquartile_mean(x[:3]) == pytest.approx(8 / 3)
    c = [[1.0 if a > b else 0.5 if a == b else 0.0 for b in y] for a in x]
    chance = sum(map(sum, c)) / 36
    parts = [sum(c[s]) / 6 + sum(c[i][s] for i in range(6)) / 6 - chance for s in range(6)]
    more = [*parts, 0, 0, 1, 1]
    half = stats.t.ppf(0.975, 9) * stats.sem(more)
    found = improvement(x, y)
    assert found == pytest.approx({"value": chance, "low": np.mean(more) - half, "high": min(np.mean(more) + half, 1)})
    assert improvement(x, x)["value"] == 0.5
    assert improvement(y, x)["value"] == pytest.approx(1 - chance)


def test_in_chances_differences_of_rounding_size_are_ties_and_broken_runs_are_the_worst() -> None:
    """Caught here: of scores that are the same but for rounding one was better with 100 %."""
    x, worst = np.full(8, 0.5), np.full(8, -math.inf)
    assert improvement(x + 1e-12, x, none=1e-10)["value"] == 0.5
    assert improvement(x + 1e-12, x)["value"] == 1
    assert [improvement(*of, none=1e-10)["value"] for of in ((x, worst), (worst, x), (worst, worst))] == [1, 0, 0.5]
    found = all_together({"4": {"a": x, "b": x + 1e-12, "c": x - 0.1}}, {"4": 1}, 1e-9)["improvement"]
    assert [found["b"][other]["value"] for other in "ac"] == [0.5, 1]
    assert found["a"]["b"]["value"] == 0.5


def test_broken_runs_are_losses_and_what_falls_on_one_has_no_mean() -> None:
    worst = -math.inf
    scores = {"4": {"a": [1.0, 2.0, 3.0, 4.0], "b": [1.1, 2.1, worst, worst], "c": [0.0, 0.1, 0.2, 0.3]}}
    found = all_together(scores, {"4": 1}, 1e-9)
    assert found["interquartile_mean"]["a"]["value"] == 2.5
    assert found["interquartile_mean"]["b"]["value"] is None
    # 1 beats nothing but the broken ones, 2 also 1.1, and 3 and 4 all.
    assert found["improvement"]["a"]["b"]["value"] == (2 + 3 + 4 + 4) / 16
    assert found["improvement"]["b"]["a"]["value"] == pytest.approx(1 - found["improvement"]["a"]["b"]["value"])
    less = all_together({"4": {"a": [1.0, 2.0], "b": [2.0, 3.0], "c": [2.0, math.inf]}}, {"4": -1}, 1e-9)
    assert less["interquartile_mean"]["a"] == {"value": 1.5, "low": None, "high": None}
    assert less["improvement"]["a"]["b"]["value"] == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert all_together({"4": dict.fromkeys("abc", [worst] * 3)}, {"4": 1}, 1e-9)["set"] == {"4": None}


def test_the_report_names_the_configs_that_may_be_the_best() -> None:
    rng = np.random.default_rng(0)
    made = [
        record(label, seed, 0.5 + gain + 0.01 * rng.normal())
        for label, gain in (("one", 0.0), ("two", 0.2), ("three", 0.2))
        for seed in range(10)
    ]
    result = analysed(made)
    said = "The best of 3 configs is, with 95 % confidence, among two and three at 4, 2 and 1 hours"
    assert said in report_of(result)
    assert "## All configs together" in report_of(result)
    two = analysed([one for one in made if one["label"] != "one"])
    assert two["together"] is None
    assert "All configs together" not in report_of(two)
    broken = analysed([record(label, seed, BROKEN) for label in "abc" for seed in range(3)])
    assert broken["together"]["set"]["4"] is None
    assert "with 95 % confidence" not in report_of(broken)


@pytest.mark.slow
@pytest.mark.parametrize(("gain", "correlation"), [(0.0, 0.0), (1.5, 0.0), (0.5, 0.7)])
def test_intervals_of_chances_and_middles_hold_the_truth_as_often_as_is_said(gain: float, correlation: float) -> None:
    for n in (2, 6, 30):
        rng, repeats, chances, middles = np.random.default_rng([n, int(10 * gain)]), 1000, 0, 0
        for _ in range(repeats):
            shared, own = math.sqrt(correlation) * rng.standard_normal(n), math.sqrt(1 - correlation)
            x, y = shared + own * rng.standard_normal(n) + gain, shared + own * rng.standard_normal(n)
            chance, middle = improvement(x, y), interquartile(x)
            assert chance["low"] is not None
            assert chance["high"] is not None
            chances += chance["low"] <= stats.norm.cdf(gain / math.sqrt(2)) <= chance["high"]
            middles += middle["low"] is not None and middle["low"] <= gain <= (middle["high"] or 0.0)
        assert chances / repeats > 0.95 - 3 * math.sqrt(0.95 * 0.05 / repeats)
        assert abs(middles / repeats - {2: 0.0, 6: 0.92, 30: 0.95}[n]) <= 0.035  # of two seeds there is none


@pytest.mark.slow
def test_the_best_is_in_the_set_as_often_as_it_says() -> None:
    # Five configs; all equal: nothing leaves in 95 of 100. One better by half a standard deviation: it stays.
    for gain in (0.0, 0.5):
        rng, stays, repeats = np.random.default_rng(int(10 * gain)), 0, 500
        for _ in range(repeats):
            x = rng.normal(0, 1, (10, 5)) + gain * np.eye(5)[0]
            p = model_confidence_set(x)
            stays += (p > 0.05)[0] if gain else (p > 0.05).all()
        assert stays / repeats > 0.95 - 3 * math.sqrt(0.95 * 0.05 / repeats)


def set_by_loops(x: list[list[float]], none: float = 0.0) -> list[float]:
    """The model confidence set as its docstring has it, config by config; exchanges come from one generator."""
    n, left, largest = len(x), list(range(len(x[0]))), 0.0
    p = [1.0] * len(left)
    rng = np.random.default_rng(SEED)

    def ts(rows: list[list[float]]) -> list[float]:
        found = []
        for i in range(len(rows[0])):
            behind = [sum(row) / len(row) - row[i] for row in rows]
            behind = [0.0 if abs(b) <= none else b for b in behind]
            mean = sum(behind) / n
            error = math.sqrt(sum((b - mean) ** 2 for b in behind) / (n - 1)) / math.sqrt(n)
            found.append(0.0 if mean == 0 else mean / max(error, 1e-9 * abs(mean)))
        return found

    while len(left) > 1:
        rows = [[row[i] for i in left] for row in x]
        observed, as_large = ts(rows), 0
        orders = np.argsort(rng.random((999, n, len(left))), axis=-1).tolist()
        for order in orders:
            t = ts([[row[i] for i in of] for row, of in zip(rows, order, strict=True)])
            as_large += max(t) >= max(observed) * (1 - 1e-12) - 1e-12
        largest = max(largest, (1 + as_large) / 1000)
        p[left.pop(observed.index(max(observed)))] = largest
    return p


@pytest.mark.parametrize("none", [0.0, 0.2])
def test_the_set_is_what_plain_loops_make_of_its_definition(none: float) -> None:
    x = np.random.default_rng(2).normal(0, 1, (5, 4)) + np.array([0.0, 0.8, 0.1, 1.0])
    assert model_confidence_set(x, none=none).tolist() == set_by_loops(x.tolist(), none)


def test_exchanges_in_small_parts_differ_by_chance_only(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).normal(0, 1, (5, 4)) + np.array([0.0, 0.8, 0.1, 1.0])
    whole = model_confidence_set(x)
    monkeypatch.setattr("minidl.comparison.many._CHUNK", 60)  # three exchanges at once
    np.testing.assert_allclose(model_confidence_set(x), whole, atol=0.08)


def test_intervals_are_between_the_nearest_of_means_of_seeds_drawn_anew() -> None:
    x = np.array([5.0, 1.0, 2.0, 100.0, 3.0, 4.0, -7.0, 6.0])
    drawn = np.random.default_rng(SEED).integers(0, 8, (8, 2000)).T.tolist()

    def middle(values: list[float]) -> float:
        return sum(sorted(values)[2:6]) / 4

    means = sorted(middle([float(x[i]) for i in rows]) for rows in drawn)
    expected = {"value": middle(x.tolist()), "low": means[round(0.025 * 1999)], "high": means[round(0.975 * 1999)]}
    assert interquartile(x) == pytest.approx(expected)
    few = {"value": pytest.approx(10 / 3), "low": None, "high": None}  # too few to be drawn anew
    assert interquartile(x[:5]) == few


def test_a_run_that_broke_counts_as_far_below_the_worst_as_that_is_below_the_best() -> None:
    scores = {"a": [1.0, 3.0, 2.0, 2.5, 1.5], "b": [2.0, 3.5, math.nan, 3.0, 2.0], "c": [4.0, 4.5, 4.0, 3.9, math.inf]}
    for sign in (1, -1):
        x = sign * np.array([scores[label] for label in "abc"]).T
        lowest = min(1.0, 4.5) if sign > 0 else -4.5
        x[~np.isfinite(x)] = lowest - 3.5
        found = all_together({"4": scores}, {"4": sign}, 0.0)["set"]["4"]
        assert list(found.values()) == model_confidence_set(x).tolist()
    # All that trained are equal: a broken run is below them all the same.
    alike = {"a": [1.0] * 8, "b": [1.0] * 8, "c": [math.nan] * 8}
    assert all_together({"4": alike}, {"4": 1}, 1e-9)["set"]["4"] == {"a": 1.0, "b": 1.0, "c": 0.001}


def test_differences_up_to_the_rounding_of_a_usual_score_are_none() -> None:
    x = np.array([100.0, 101.0, 99.0, 100.0, 102.0, 98.0])
    scores = {"4": {"a": x, "b": x + 1e-4, "c": x + 2e-4}}
    equal, other = (all_together(scores, {"4": 1}, rounding)["set"]["4"] for rounding in (1e-6, 1e-8))
    assert set(equal.values()) == {1.0}
    assert other["a"] < 0.05 < other["c"] == 1.0


def test_one_seed_has_no_set_and_more_than_six_configs_no_pairs() -> None:
    one = all_together({"4": {"a": [1.0], "b": [2.0], "c": [3.0]}}, {"4": 1}, 1e-9)
    assert one["set"] == {"4": None}
    assert one["interquartile_mean"]["b"] == {"value": 2.0, "low": None, "high": None}
    chance = one["improvement"]["a"]["b"]
    assert (chance["value"], chance["low"]) == (0, 0)
    assert chance["high"] > 0.9  # one seed says next to nothing
    for n in (6, 7):
        many = {f"c{i}": [float(i), i + 0.5] * 3 for i in range(n)}
        found = all_together({"4": many, "2": many}, {"4": -1, "2": 1}, 1e-9)
        assert len(found["improvement"]) == (6 if n == 6 else 0)
        assert list(found["set"]) == ["4", "2"]
        assert found["interquartile_mean"]["c1"]["low"] < 1.25 < found["interquartile_mean"]["c1"]["high"]
    assert max(found["set"]["4"], key=found["set"]["4"].get) == "c0"  # the smallest is the best
    assert max(found["set"]["2"], key=found["set"]["2"].get) == "c6"


def test_scores_that_are_exchanged_in_several_chunks_count_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    # Caught here: a last chunk that is not cut to the number of exchanges, with p above 1.
    x = np.random.default_rng(2).normal(0, 1, (6, 3))
    at_once = model_confidence_set(x)
    monkeypatch.setattr(many, "_CHUNK", 400 * x.size)
    in_chunks = model_confidence_set(x)
    assert in_chunks == pytest.approx(at_once)
    assert model_confidence_set(np.ones((5, 3))).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.slow
def test_where_configs_spread_differently_an_equal_one_leaves_in_few_cases_more_or_less() -> None:
    # The page on comparing says 3 to 12 of 100; each of these shares has an error of 0.015.
    def wide(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.standard_normal((n, 5)) * [1, 1, 1, 1, 8]

    def failing(rng: np.random.Generator, n: int) -> np.ndarray:
        x = rng.standard_normal((n, 3))
        x[:, 2] += 2 - 10 * (rng.random(n) < 0.2)
        return x

    for of in (wide, failing):
        for n in (6, 30):
            rng = np.random.default_rng(n)
            left = [(model_confidence_set(of(rng, n)) <= 0.05).any() for _ in range(200)]
            assert 0.0 < np.mean(left) < 0.12 + 3 * math.sqrt(0.12 * 0.88 / 200)
