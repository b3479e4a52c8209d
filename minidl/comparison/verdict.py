"""The verdict in plain words: which is better, by how much, how sure, at what cost, or that nobody can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from minidl.comparison.confounds import work_words
from minidl.comparison.outcomes import BETTER, SLIGHTLY
from minidl.comparison.pair_verdict import margin_words, pair_verdict, where
from minidl.comparison.sign_flips import LEVEL
from minidl.comparison.tested import metric_at, scores_of, sign_of, terms, undefined_at
from minidl.comparison.together import best_words
from minidl.core.text import counted, listed, signed
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
    return (
        f"{listed(best)} {'has' if len(best) == 1 else 'have'} the {'highest' if sign > 0 else 'lowest'} median "
        f"{metric.words}{where([row], result)}, {sign * top:.4f}; {_of_pairs(result, pairs)}."
    )


def _of_pairs(result: Result, pairs: Sequence[Mapping[str, Any]]) -> str:
    """How many of several pairs differ, in any row, and how many are equal in all."""
    outcomes = [[row["outcome"] for row in pair["rows"].values()] for pair in result["pairs"]]
    won = sum(BETTER in one or SLIGHTLY in one for one in outcomes)
    equal = sum(len(pair["equal"]) == len(result["asked"]["rows"]) for pair in pairs)
    same = ""
    if result["asked"]["smallest"] is not None:
        same = f", and {equal} {'are' if equal != 1 else 'is'} equal within {margin_words(result)}"
    tests, seeds = result["tests"], max(len(pair["seeds"]) for pair in result["pairs"])
    if seeds < tests["fewest_seeds"]:
        few = f"with {counted(seeds, 'seed')} and {counted(tests['number'], 'test')}"
        needed = f"at least {tests['fewest_seeds']} seeds are needed"
        return f"{few} no difference of two could be shown, {needed}{same}"
    return (
        f"of {len(pairs)} pairs that were tested, {won} {'differ' if won != 1 else 'differs'} "
        f"beyond what seeds do{same}"
    )


def _remarks(result: Result) -> list[str]:
    configs = result["configs"]
    lines = [best_words(result), _confounded(result), undefined_words(result), _cost(result)]
    for label, config in configs.items():
        lines += [_broken(label, config), _collapsed(label, config, result)]
    lines += _baselines_that_win(result)
    lines += _only_here(result)
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
    return f"{leading.words} is undefined{where(rows, result)}: {why}. There the configs are compared by {instead}."


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
            lost.append(f"{of.baseline_words(baseline)}{where(rows, result)}")
    return lost


def _only_here(result: Result) -> list[str]:
    """Who is better over seeds, but perhaps not on another test part."""
    lines = []
    for pair in result["pairs"]:
        for favoured, other in (("first", "second"), ("second", "first")):
            rows = [key for key, row in pair["rows"].items() if row["favours"] == favoured and _holds_here_only(row)]
            if rows:
                lines.append(
                    f"That {pair[favoured]} is better than {pair[other]}{where(rows, result)} is shown for this test "
                    "part only: over seeds and test part the difference may as well be 0 (see its interval)."
                )
    if len(lines) > MAX_LINES:
        return [f"{len(lines)} of the differences that were found are shown for this test part only (see the table)."]
    return lines


def _holds_here_only(row: Mapping[str, Any]) -> bool:
    both = row["both"] or {}
    return row["p_adjusted"] <= LEVEL and both.get("low") is not None and both["low"] <= 0 <= both["high"]


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
    what = f"difference{where([row], result)}, {signed(difference)} {leading.words} for {b}"
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
