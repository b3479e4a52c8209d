"""The verdict in plain words: which is better, by how much, how sure, at what cost, or that nobody can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from minidl.comparison.confounds import work_words
from minidl.comparison.sign_flips import LEVEL
from minidl.comparison.statistics import fewest_pairs
from minidl.comparison.tested import metric_at, scores_of, sign_of, terms, undefined_at
from minidl.core.text import listed, p_words, signed
from minidl.forecasting.rounding import is_above

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
    """Which of two is better, in which rows."""
    first, second, rows = pair["first"], pair["second"], pair["rows"]
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
    parts = [f"{label}{_where([k for k, w in winners.items() if w == label], result)}" for label in (first, second)]
    noun = terms(result).row_noun
    return {**base, "sentence": f"It depends on the {noun}: {parts[0]} is better, {parts[1]}."}


def _no_difference(pair: Mapping[str, Any]) -> str:
    text = f"No evidence of a difference between {pair['first']} and {pair['second']}"
    if not any(row["survivors"] for row in pair["rows"].values()):
        return f"{text}: no run of either gave a score."
    return f"{text}: every score is the same but for rounding."


def _no_evidence(result: Result, pair: Mapping[str, Any]) -> str:
    n, needed = len(pair["seeds"]), result["tests"]["fewest_seeds"]
    row = next(iter(pair["rows"]))
    text = f"No evidence of a difference between {pair['first']} and {pair['second']}"
    if n < needed:
        tests = result["tests"]["number"]
        few = f"{n} seed{'s' * (n > 1)} and {tests} test{'s' * (tests > 1)}"
        return f"{text}: with {few} none could be shown, at least {needed} seeds are needed."
    return f"{text} over {n} seeds: {_by_how_much(result, pair, row, pair['second'])}."


def _better(result: Result, pair: Mapping[str, Any], better: str, found: Sequence[str]) -> str:
    worse = pair["first"] if better == pair["second"] else pair["second"]
    unsure = [row for row in pair["rows"] if row not in found]
    where = _where(found, result) if unsure else ""
    tail = f"; no evidence of a difference{_where(unsure, result)}" if unsure else ""
    return f"{better} is better than {worse}{where}: {_by_how_much(result, pair, found[0], better)}{tail}."


def _by_how_much(result: Result, pair: Mapping[str, Any], name: str, label: str) -> str:
    """The mean difference of `label` with its interval and p, the seeds that it wins, and the corrected p."""
    row, where = pair["rows"][name], _where([name], result).lstrip()
    where += " " * bool(where)
    sign = 1 if label == pair["second"] else -1
    wins = row["second_better"] if label == pair["second"] else row["first_better"]
    last = f"in {wins} of {row['n']} seeds; corrected p {p_words(row['p_adjusted'])}"
    lost = row["n"] - row["survivors"]
    if not row["survivors"]:
        return f"{where}no seed gave scores for both; broken runs count as losses, and {label} is better {last}"
    mean = sign * row["mean"]
    by = f"{'lower' if mean < 0 else 'higher'} by {signed(abs(mean))[1:]}{_units(result, name)}" if mean else "the same"
    what = f"{where}{metric_at(result, name).words} of {label} is {by}"
    numbers = f"{interval(row, sign)}, p {p_words(row['p'])}; median {signed(sign * row['median'])}"
    over = f" over the {row['survivors']} seeds that gave scores for both" if lost else ""
    return f"{what} on average{over} ({numbers}), and better {last}"


def _units(result: Result, row: str) -> str:
    units = result["facts"].get("units")
    return f" {units}" if metric_at(result, row).in_units and units else ""


def _headline_of_many(result: Result, pairs: Sequence[Mapping[str, Any]]) -> str:
    row = result["asked"]["rows"][0]
    metric = metric_at(result, row)
    sign = sign_of(metric)
    medians = {label: scores_of(result, label)[row][metric.name]["median"] for label in result["configs"]}
    scored = {label: sign * median for label, median in medians.items() if median is not None}
    if not scored:
        return "No config gave a score in more than half of its runs."
    top = max(scored.values())
    best = [label for label, score in scored.items() if not is_above(top, score, result["asked"]["rounding"])]
    won = [pair for pair in pairs if pair["better"] is not None]
    return (
        f"{listed(best)} {'has' if len(best) == 1 else 'have'} the {'highest' if sign > 0 else 'lowest'} median "
        f"{metric.words}{_where([row], result)}, {sign * top:.4f}; of {len(pairs)} pairs that were tested, "
        f"{len(won)} {'differ' if len(won) != 1 else 'differs'} beyond what seeds do."
    )


def _remarks(result: Result) -> list[str]:
    configs = result["configs"]
    lines = [_confounded(result), undefined_words(result), _cost(result)]
    for label, config in configs.items():
        lines += [_broken(label, config), _collapsed(label, config, result)]
    lines += _baselines_that_win(result)
    lines += [_published(result), _mixed_engines(configs)]
    return lines


def _confounded(result: Result) -> str:
    by_the_by = work_words(result["asked"]["example"])
    differences = [d["what"] for d in result["confounds"]["differences"] if d["what"] != by_the_by]
    text = f"Between the configs, {result['confounds']['sentence']}"
    if len(differences) > 1 and set(differences) != {"depth", "width"}:
        return f"{text}. The result is about all of these together, not about one of them."
    return f"{text}."


def undefined_words(result: Result) -> str:
    """Where the leading metric is undefined and what is compared there, or nothing."""
    rows, leading = undefined_at(result), terms(result).leading
    if not rows:
        return ""
    instead = listed(list(dict.fromkeys(metric_at(result, row).words for row in rows)))
    why = f"{leading.undefined or 'nothing has one'} in the test part"
    return f"{leading.words} is undefined{_where(rows, result)}: {why}. There the configs are compared by {instead}."


def _cost(result: Result) -> str:
    configs, example = result["configs"], result["asked"]["example"]
    if len(configs) > MAX_LINES:
        return ""
    parts = []
    for label, config in configs.items():
        seconds = config["seconds"]["training"]["median"]
        time = "" if seconds is None else f", {seconds:.1f} s of training"
        parts.append(
            f"{label}: {config['parameters']:,} parameters, {config['multiply_adds']:,} multiply-adds a {example}{time}"
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


def _collapsed(label: str, config: Mapping[str, Any], result: Result) -> str:
    seeds, worse = config["failed_to_train"], terms(result)
    if not seeds:
        return ""
    return (
        f"{len(seeds)} of {config['runs']} runs of {label} failed to train, worse than {worse.reference_words}"
        f"{worse.everywhere()} ({_seeds(seeds)}); they count in all scores."
    )


def _baselines_that_win(result: Result) -> list[str]:
    lines = []
    for label in result["configs"]:
        lost = _losses_to(result, label)
        if lost:
            lines.append(f"The median run of {label} loses to {', and to '.join(lost)}.")
    if len(lines) > MAX_LINES:
        return [f"{len(lines)} of {len(result['configs'])} configs lose to a baseline in the median."]
    return lines


def _losses_to(result: Result, label: str) -> list[str]:
    """The baselines that are better than a config's median run, and in which rows: ``the linear model at 8 hours``."""
    of, scores = terms(result), scores_of(result, label)
    sign, name, lost = sign_of(of.measure), of.measure.name, []
    for baseline, tables in result["baselines"].items():
        rows = []
        for row in result["asked"]["rows"]:
            mine, theirs = scores[row][name], tables[of.task.table][row][name]
            if mine["median"] is None and mine["broken"]:  # it falls on a broken run, which is beyond all numbers
                score = -math.inf
            else:
                score = math.nan if mine["median"] is None else sign * mine["median"]
            if theirs is not None and is_above(sign * theirs, score, result["asked"]["rounding"]):
                rows.append(row)
        if rows:
            lost.append(f"{of.baseline_words(baseline)}{_where(rows, result)}")
    return lost


def _published(result: Result) -> str:
    """How a published difference of two single runs compares with the spread between seeds."""
    row, leading = result["asked"]["rows"][0], terms(result).leading
    with_numbers = {key: c for key, c in result["configs"].items() if leading.name in (c["published"] or ())}
    if len(with_numbers) != 2 or len(result["configs"]) != 2:
        return ""
    (a, one), (b, other) = with_numbers.items()
    difference = other["published"][leading.name][0] - one["published"][leading.name][0]
    spreads = [scores_of(result, label)[row][leading.name]["std"] for label in with_numbers]
    if None in spreads:
        return ""
    word = "smaller" if abs(difference) < min(spreads) else "not smaller"
    what = f"difference{_where([row], result)}, {signed(difference)} {leading.words} for {b}"
    return (
        f"The {one['published']['source']}'s {what}, is {word} than the standard deviation between seeds, "
        f"{spreads[0]:.4f} for {a} and {spreads[1]:.4f} for {b}."
    )


def _mixed_engines(configs: Mapping[str, Any]) -> str:
    engines = sorted({engine for config in configs.values() for engine in config["engines"]})
    return f"Engines: {', '.join(engines)}; these agree within rounding only." if len(engines) > 1 else ""


def _seeds(seeds: Sequence[int]) -> str:
    shown = ", ".join(map(str, seeds[:10]))
    more = f" and {len(seeds) - 10} more" if len(seeds) > 10 else ""
    return f"seed{'s' * (len(seeds) > 1)} {shown}{more}"


def _where(rows: Sequence[str], result: Result) -> str:
    return terms(result).where(rows, result["facts"])


def interval(row: Mapping[str, Any], sign: int = 1) -> str:
    """``95 % interval +0.01 to +0.02``, or why there is none."""
    if row["low"] is not None:
        low, high = sorted((sign * row["low"], sign * row["high"]))
        return f"95 % interval {signed(low)} to {signed(high)}"
    broken = row["n"] - row["survivors"]
    if broken:
        return f"no interval: {broken} pair{'s' * (broken > 1)} with a broken run, whose difference has no size"
    return f"no 95 % interval: it needs {fewest_pairs(1)} seeds"
