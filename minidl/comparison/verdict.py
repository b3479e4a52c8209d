"""The verdict in plain words: which is better, by how much, how sure, at what cost, or that nobody can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl.comparison.statistics import LEVEL
from minidl.forecasting.words import horizons_words, losing_words, losses_to

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
    first, second, n = pair["first"], pair["second"], len(pair["seeds"])
    rows = pair["horizons"]
    found = {k: row for k, row in rows.items() if row["p_adjusted"] < LEVEL}
    winners = {k: second if row["mean"] > 0 else first for k, row in found.items()}
    base = {"first": first, "second": second}
    if not n:
        return {**base, "better": None, "sentence": f"{first} and {second}: no seed gave scores for both."}
    if all(difference == 0 for row in rows.values() for difference in row["differences"]):
        same = f"No evidence of a difference between {first} and {second}: every score is the same to the last digit."
        return {**base, "better": None, "sentence": same}
    if not found:
        return {**base, "better": None, "sentence": _no_evidence(result, pair)}
    if len(set(winners.values())) == 1:
        better = next(iter(winners.values()))
        return {**base, "better": better, "sentence": _better(result, pair, better, found)}
    parts = [f"{label} at {_hours([k for k, w in winners.items() if w == label], result)}" for label in (first, second)]
    return {**base, "better": None, "sentence": f"It depends on the horizon: {parts[0]} is better, {parts[1]}."}


def _no_evidence(result: Result, pair: Mapping[str, Any]) -> str:
    n, needed = len(pair["seeds"]), result["tests"]["fewest_seeds"]
    horizon, row = next(iter(pair["horizons"].items()))
    text = f"No evidence of a difference between {pair['first']} and {pair['second']}"
    if n < needed:
        tests = result["tests"]["number"]
        few = f"{n} seed{'s' * (n > 1)} and {tests} test{'s' * (tests > 1)}"
        return f"{text}: with {few} none could be shown, at least {needed} seeds are needed."
    return (
        f"{text} over {n} seeds: at {_hours([horizon], result)} R² of {pair['second']} is {signed(row['mean'])} "
        f"on average ({interval(row)}; median {signed(row['median'])}), corrected p {p_words(row['p_adjusted'])}."
        f"{_few_runs(row)}"
    )


def _few_runs(row: Mapping[str, Any]) -> str:
    """Where interval and test seem to contradict each other."""
    if row["low"] is None or row["low"] <= 0 <= row["high"]:
        return ""
    return " The interval leaves out zero, but a few runs make most of the mean, and the test does not follow them."


def _better(result: Result, pair: Mapping[str, Any], better: str, found: Mapping[str, Any]) -> str:
    worse = pair["first"] if better == pair["second"] else pair["second"]
    rows, sign = pair["horizons"], 1 if better == pair["second"] else -1
    horizon = max(found, key=lambda k: int(k))
    row = found[horizon]
    n = len(pair["seeds"])
    wins = sum(sign * difference > 0 for difference in row["differences"])
    unsure = [k for k in rows if k not in found]
    where = "" if not unsure else f" at {_hours(list(found), result)}"
    tail = f"; no evidence of a difference at {_hours(unsure, result)}" if unsure else ""
    return (
        f"{better} is better than {worse}{where}: at {_hours([horizon], result)} R² is higher by "
        f"{abs(row['mean']):.4f} on average ({interval(row, sign)}; median {signed(sign * row['median'])}), "
        f"in {wins} of {n} seeds; corrected p {p_words(row['p_adjusted'])}{tail}."
    )


def _headline_of_many(result: Result, pairs: Sequence[Mapping[str, Any]]) -> str:
    horizon = result["asked"]["horizons"][0]
    medians = {label: config["block"][horizon]["r2"]["median"] for label, config in result["configs"].items()}
    scored = {label: median for label, median in medians.items() if median is not None}
    if not scored:
        return "No config gave a score."
    best = max(scored, key=lambda label: scored[label])
    won = [pair for pair in pairs if pair["better"] is not None]
    return (
        f"{best} has the highest median R² at {_hours([horizon], result)}, {scored[best]:.4f}; of {len(pairs)} pairs "
        f"that were tested, {len(won)} {'differ' if len(won) != 1 else 'differs'} beyond what seeds do."
    )


def _remarks(result: Result) -> list[str]:
    configs = result["configs"]
    lines = [_confounded(result), _cost(configs)]
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
        "They are left out of the scores."
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
        medians = {k: config["block"][k]["rmse"]["median"] for k in result["asked"]["horizons"]}
        lost = losses_to(medians, result["baselines"], result["asked"]["horizons"])
        if lost:
            lines.append(f"The median run of {label} {losing_words(lost, result['step'])}.")
    if len(lines) > MAX_LINES:
        return [f"{len(lines)} of {len(result['configs'])} configs lose to a baseline in the median."]
    return lines


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
    """+0.0123."""
    return f"{value:+.4f}"


def interval(row: Mapping[str, Any], sign: int = 1) -> str:
    """``95 % interval +0.01 to +0.02``."""
    if row["low"] is None:
        return "no interval"
    low, high = sorted((sign * row["low"], sign * row["high"]))
    return f"95 % interval {signed(low)} to {signed(high)}"


def p_words(p: float) -> str:
    """``= 0.012`` or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
