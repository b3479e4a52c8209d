"""The verdict in plain words: which is better, by how much, how sure, at what cost, or that nobody can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from minidl.comparison.sign_flips import LEVEL
from minidl.comparison.statistics import fewest_pairs
from minidl.comparison.tested import WORDS, larger_is_better, metric_at, undefined_at
from minidl.forecasting.rounding import is_above
from minidl.forecasting.words import horizons_words, losing_words, losses_to
from minidl.text import listed

Result = Mapping[str, Any]
MAX_LINES = 8


def verdict(result: Result) -> dict[str, Any]:
    """What comparison.json has under ``verdict``.

    Returns
    -------
    headline : one sentence.
    pairs : for each pair ``better`` (a label, or None) and its sentence.
    lines : sentences about cost, failures, baselines and what else to know.
    """
    pairs = [pair_verdict(result, pair) for pair in result["pairs"]]
    lines = [line for line in _remarks(result) if line]
    if len(pairs) == 1:
        headline = pairs[0]["sentence"]
    else:
        headline = _headline_of_many(result, pairs)
    return {"headline": headline, "pairs": pairs, "lines": lines}


def pair_verdict(result: Result, pair: Mapping[str, Any]) -> dict[str, Any]:
    """Which of two is better, at which horizons."""
    first, second, rows = pair["first"], pair["second"], pair["horizons"]
    found = {k: row for k, row in rows.items() if row["p_adjusted"] <= LEVEL}
    winners = {k: pair[row["favours"]] for k, row in found.items()}
    base = {"first": first, "second": second, "better": None}
    if all(row["first_better"] == row["second_better"] == 0 for row in rows.values()):
        return {**base, "sentence": _no_difference(pair)}
    if not found:
        return {**base, "sentence": _no_evidence(result, pair)}
    if len(set(winners.values())) == 1:
        better = next(iter(winners.values()))
        return {**base, "better": better, "sentence": _better(result, pair, better, list(found))}
    parts = [f"{label} at {_hours([k for k, w in winners.items() if w == label], result)}" for label in (first, second)]
    return {**base, "sentence": f"It depends on the horizon: {parts[0]} is better, {parts[1]}."}


def _no_difference(pair: Mapping[str, Any]) -> str:
    text = f"No evidence of a difference between {pair['first']} and {pair['second']}"
    if not any(row["survivors"] for row in pair["horizons"].values()):
        return f"{text}: no run of either gave a score."
    return f"{text}: every score is the same but for rounding."


def _no_evidence(result: Result, pair: Mapping[str, Any]) -> str:
    n, needed = len(pair["seeds"]), result["tests"]["fewest_seeds"]
    horizon = next(iter(pair["horizons"]))
    text = f"No evidence of a difference between {pair['first']} and {pair['second']}"
    if n < needed:
        tests = result["tests"]["number"]
        few = f"{n} seed{'s' * (n > 1)} and {tests} test{'s' * (tests > 1)}"
        return f"{text}: with {few} none could be shown, at least {needed} seeds are needed."
    what = f"at {_hours([horizon], result)} {_by_how_much(result, pair, horizon, pair['second'])}"
    return f"{text} over {n} seeds: {what}."


def _better(result: Result, pair: Mapping[str, Any], better: str, found: Sequence[str]) -> str:
    worse = pair["first"] if better == pair["second"] else pair["second"]
    horizon = max(found, key=int)
    unsure = [k for k in pair["horizons"] if k not in found]
    where = "" if not unsure else f" at {_hours(found, result)}"
    tail = f"; no evidence of a difference at {_hours(unsure, result)}" if unsure else ""
    what = f"at {_hours([horizon], result)} {_by_how_much(result, pair, horizon, better)}"
    return f"{better} is better than {worse}{where}: {what}{tail}."


def _by_how_much(result: Result, pair: Mapping[str, Any], horizon: str, label: str) -> str:
    """The mean difference of `label` with its interval and p, the seeds that it wins, and the corrected p."""
    row = pair["horizons"][horizon]
    sign = 1 if label == pair["second"] else -1
    wins = row["second_better"] if label == pair["second"] else row["first_better"]
    last = f"in {wins} of {row['n']} seeds; corrected p {p_words(row['p_adjusted'])}"
    lost = row["n"] - row["survivors"]
    if not row["survivors"]:
        return f"no seed gave scores for both; broken runs count as losses, and {label} is better {last}"
    mean = sign * row["mean"]
    by = f"{'lower' if mean < 0 else 'higher'} by {signed(abs(mean))[1:]}{_units(result, horizon)}"
    what = f"{WORDS[metric_at(result, horizon)]} of {label} is {by}"
    numbers = f"{interval(row, sign)}, p {p_words(row['p'])}; median {signed(sign * row['median'])}"
    over = f" over the {row['survivors']} seeds that gave scores for both" if lost else ""
    return f"{what} on average{over} ({numbers}), and better {last}"


def _units(result: Result, horizon: str) -> str:
    return f" {result['units']}" if metric_at(result, horizon) == "rmse" and result["units"] else ""


def _headline_of_many(result: Result, pairs: Sequence[Mapping[str, Any]]) -> str:
    horizon = result["asked"]["horizons"][0]
    metric = metric_at(result, horizon)
    sign = 1 if larger_is_better(metric) else -1
    medians = {label: config["block"][horizon][metric]["median"] for label, config in result["configs"].items()}
    scored = {label: sign * median for label, median in medians.items() if median is not None}
    if not scored:
        return "No config gave a score in more than half of its runs."
    top = max(scored.values())
    best = [label for label, score in scored.items() if not is_above(top, score, result["asked"]["rounding"])]
    won = [pair for pair in pairs if pair["better"] is not None]
    return (
        f"{listed(best)} {'has' if len(best) == 1 else 'have'} the {'highest' if sign > 0 else 'lowest'} median "
        f"{WORDS[metric]} at {_hours([horizon], result)}, {abs(top):.4f}; of {len(pairs)} pairs that were tested, "
        f"{len(won)} {'differ' if len(won) != 1 else 'differs'} beyond what seeds do."
    )


def _remarks(result: Result) -> list[str]:
    configs = result["configs"]
    lines = [_confounded(result), undefined_words(result), _cost(configs)]
    for label, config in configs.items():
        lines += [_broken(label, config), _collapsed(label, config)]
    lines += _baselines_that_win(result)
    lines += [_published(result), _mixed_engines(configs)]
    return lines


def _confounded(result: Result) -> str:
    differences = [d["what"] for d in result["confounds"]["differences"] if d["what"] != "multiply-adds per window"]
    text = f"Between the configs, {result['confounds']['sentence']}"
    if len(differences) > 1 and set(differences) != {"depth", "width"}:
        return f"{text}. The result is about all of these together, not about one of them."
    return f"{text}."


def undefined_words(result: Result) -> str:
    """Where R² is undefined and what is compared there, or nothing."""
    horizons = undefined_at(result)
    if not horizons:
        return ""
    return (
        f"R² is undefined at {_hours(horizons, result)}: the target is constant in the test part. There the configs "
        "are compared by RMSE."
    )


def _cost(configs: Mapping[str, Any]) -> str:
    if len(configs) > MAX_LINES:
        return ""
    parts = []
    for label, config in configs.items():
        seconds = config["seconds"]["training"]["median"]
        time = "" if seconds is None else f", {seconds:.1f} s of training"
        parts.append(
            f"{label}: {config['parameters']:,} parameters, {config['multiply_adds']:,} multiply-adds a window{time}"
        )
    return f"Cost. {'; '.join(parts)}."


def _broken(label: str, config: Mapping[str, Any]) -> str:
    broken = config["broken"]
    if not broken:
        return ""
    seeds = _seeds([item["seed"] for item in broken])
    return (
        f"{len(broken)} of {config['runs']} runs of {label} ended with NaN or Inf ({seeds}): {broken[0]['error']} "
        "Each counts as a loss in medians, wins and tests; means, ranges and skill are of the runs that survived."
    )


def _collapsed(label: str, config: Mapping[str, Any]) -> str:
    seeds = config["failed_to_train"]
    if not seeds:
        return ""
    return (
        f"{len(seeds)} of {config['runs']} runs of {label} failed to train, worse than persistence at every horizon "
        f"({_seeds(seeds)}); they count in all scores."
    )


def _baselines_that_win(result: Result) -> list[str]:
    lines = []
    for label, config in result["configs"].items():
        rmse = {k: _or_worst(config["block"][k]["rmse"]) for k in result["asked"]["horizons"]}
        lost = losses_to(rmse, result["baselines"], result["asked"]["horizons"], result["asked"]["rounding"])
        if lost:
            lines.append(f"The median run of {label} {losing_words(lost, result['step'])}.")
    if len(lines) > MAX_LINES:
        return [f"{len(lines)} of {len(result['configs'])} configs lose to a baseline in the median."]
    return lines


def _or_worst(spread: Mapping[str, Any]) -> float | None:
    """The median, which is beyond all numbers where it falls on a broken run."""
    return math.inf if spread["median"] is None and spread["broken"] else spread["median"]


def _published(result: Result) -> str:
    """How a published difference of two single runs compares with the spread between seeds."""
    with_numbers = {label: c for label, c in result["configs"].items() if c["published"]}
    if len(with_numbers) != 2 or len(result["configs"]) != 2:
        return ""
    (a, one), (b, other) = with_numbers.items()
    k = result["asked"]["horizons"][0]
    difference = other["published"]["r2"][0] - one["published"]["r2"][0]
    spreads = [config["block"][k]["r2"]["std"] for config in (one, other)]
    if None in spreads:
        return ""
    word = "smaller" if abs(difference) < min(spreads) else "not smaller"
    return (
        f"The {one['published']['source']}'s difference at {_hours([k], result)}, {signed(difference)} R² for {b}, "
        f"is {word} than the standard deviation between seeds, {spreads[0]:.4f} for {a} and {spreads[1]:.4f} for {b}."
    )


def _mixed_engines(configs: Mapping[str, Any]) -> str:
    engines = sorted({engine for config in configs.values() for engine in config["engines"]})
    return f"Engines: {', '.join(engines)}; these agree within rounding only." if len(engines) > 1 else ""


def _seeds(seeds: Sequence[int]) -> str:
    shown = ", ".join(map(str, seeds[:10]))
    more = f" and {len(seeds) - 10} more" if len(seeds) > 10 else ""
    return f"seed{'s' * (len(seeds) > 1)} {shown}{more}"


def _hours(horizons: Sequence[str], result: Result) -> str:
    return horizons_words(horizons, result["step"])


def signed(value: float) -> str:
    """+0.0123; what would round to 0 in two digits: +1.2e-05."""
    return f"{value:+.4f}" if value == 0 or abs(value) >= 5e-5 else f"{value:+.1e}"


def interval(row: Mapping[str, Any], sign: int = 1) -> str:
    """``95 % interval +0.01 to +0.02``, or why there is none."""
    if row["low"] is not None:
        low, high = sorted((sign * row["low"], sign * row["high"]))
        return f"95 % interval {signed(low)} to {signed(high)}"
    broken = row["n"] - row["survivors"]
    if broken:
        return f"no interval: {broken} pair{'s' * (broken > 1)} with a broken run, whose difference has no size"
    return f"no 95 % interval: it needs {fewest_pairs(1)} seeds"


def p_words(p: float) -> str:
    """``= 0.012`` or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
