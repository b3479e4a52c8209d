"""Of two configs, in a sentence: which is better, by how much, how sure; that they are equal; that nobody can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl.comparison.outcomes import BETTER, EQUAL, SLIGHTLY, UNKNOWN
from minidl.comparison.statistics import fewest_pairs
from minidl.comparison.tables import interval_words
from minidl.comparison.tested import metric_at, terms
from minidl.core.text import p_words, signed

Result = Mapping[str, Any]
Pair = Mapping[str, Any]


def pair_verdict(result: Result, pair: Pair) -> dict[str, Any]:
    """Which of two is better, in which rows they are equal, and a sentence."""
    by_outcome = {kind: [k for k, row in pair["rows"].items() if row["outcome"] == kind] for kind in _KINDS}
    winners = {k: pair[row["favours"]] for k, row in pair["rows"].items() if row["outcome"] in (BETTER, SLIGHTLY)}
    found = {"first": pair["first"], "second": pair["second"], "better": None, "equal": by_outcome[EQUAL]}
    if len(set(winners.values())) == 1:
        better = next(iter(winners.values()))
        return {**found, "better": better, "sentence": _better(result, pair, better, by_outcome)}
    if winners:
        parts = [
            f"{label}{where([k for k, w in winners.items() if w == label], result)}"
            for label in (pair["first"], pair["second"])
        ]
        sentence = f"It depends on the {terms(result).row_noun}: {parts[0]} is better, {parts[1]}."
        return {**found, "sentence": sentence}
    if by_outcome[EQUAL]:
        return {**found, "sentence": _equal(result, pair, by_outcome)}
    if all(row["first_better"] == row["second_better"] == 0 for row in pair["rows"].values()):
        return {**found, "sentence": _no_difference(pair)}
    return {**found, "sentence": _no_evidence(result, pair)}


_KINDS = (BETTER, SLIGHTLY, EQUAL, UNKNOWN)


def margin_words(result: Result) -> str:
    """``±0.01 R²``."""
    leading, units = terms(result).leading, result["facts"].get("units")
    return f"±{result['asked']['smallest']:g} {leading.words}" + (f", {units}" if leading.in_units and units else "")


def _equal(result: Result, pair: Pair, by_outcome: Mapping[str, Sequence[str]]) -> str:
    equal, unsure = by_outcome[EQUAL], by_outcome[UNKNOWN]
    tail = f"; no evidence of a difference, nor of none{where(unsure, result)}" if unsure else ""
    said = f"{pair['first']} and {pair['second']} are equal within {margin_words(result)}"
    how = _by_how_much(result, pair, equal[0], pair["second"])
    return f"{said}{where(equal, result) if unsure else ''}: {how}{tail}."


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
    if result["asked"]["smallest"] is not None:
        text += f", nor that they are equal within {margin_words(result)},"
    found, could = pair["rows"][row]["detectable"], ""
    if found:
        could = f"; with so many seeds a mean difference of {signed(found)[1:]} is found in 90 of 100 comparisons"
    return f"{text} over {n} seeds: {_by_how_much(result, pair, row, pair['second'])}{could}."


def _better(result: Result, pair: Pair, better: str, by_outcome: Mapping[str, Sequence[str]]) -> str:
    worse = pair["first"] if better == pair["second"] else pair["second"]
    slightly, equal, unsure = (by_outcome[kind] for kind in _KINDS[1:])
    found = [row for row in pair["rows"] if row in [*by_outcome[BETTER], *slightly]]
    at = where(found, result) if equal or unsure else ""
    parts = [f"{better} is better than {worse}{at}: {_by_how_much(result, pair, found[0], better)}"]
    if slightly:
        only = where(slightly, result) if len(slightly) < len(pair["rows"]) else ""
        parts.append(f"it is by less than matters{only} (within {margin_words(result)})")
    if equal:
        parts.append(f"equal within {margin_words(result)}{where(equal, result)}")
    if unsure:
        parts.append(f"no evidence of a difference{where(unsure, result)}")
    return f"{'; '.join(parts)}."


def _by_how_much(result: Result, pair: Mapping[str, Any], name: str, label: str) -> str:
    """The mean difference of `label` with its interval and p, the seeds that it wins, and the corrected p."""
    row, at = pair["rows"][name], where([name], result).lstrip()
    at += " " * bool(at)
    sign = 1 if label == pair["second"] else -1
    wins = row["second_better"] if label == pair["second"] else row["first_better"]
    ties = row["n"] - row["first_better"] - row["second_better"]
    equal = f" (and equal in {ties})" if ties else ""
    last = f"in {wins} of {row['n']} seeds{equal}; corrected p {p_words(row['p_adjusted'])}"
    lost = row["n"] - row["survivors"]
    if not row["survivors"]:
        return f"{at}no seed gave scores for both; broken runs count as losses, and {label} is better {last}"
    mean = sign * row["mean"]
    by = f"{'lower' if mean < 0 else 'higher'} by {signed(abs(mean))[1:]}{_units(result, name)}" if mean else "the same"
    what = f"{at}{metric_at(result, name).words} of {label} is {by}"
    numbers = f"{interval(row, sign)}, p {p_words(row['p'])}; median {signed(sign * row['median'])}"
    over = f" over the {row['survivors']} seeds that gave scores for both" if lost else ""
    return f"{what} on average{over} ({numbers}), and better {last}"


def _units(result: Result, row: str) -> str:
    units = result["facts"].get("units")
    return f" {units}" if metric_at(result, row).in_units and units else ""


def where(rows: Sequence[str], result: Result) -> str:
    """`` at 8 and 4 hours``, after what is said of these rows."""
    return terms(result).where(rows, result["facts"])


def interval(row: Mapping[str, Any], sign: int = 1) -> str:
    """``95 % interval +0.01 to +0.02, over seeds and test part +0.00 to +0.03``, or why there is none."""
    if row["low"] is not None:
        both = interval_words(row["both"] or {}, sign)
        return f"95 % interval {interval_words(row, sign)}" + f", over seeds and test part {both}" * (both != "-")
    broken = row["n"] - row["survivors"]
    if broken:
        return f"no interval: {broken} pair{'s' * (broken > 1)} with a broken run, whose difference has no size"
    return f"no 95 % interval: it needs {fewest_pairs(1)} seeds"
