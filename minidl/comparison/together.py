"""Three configs and more in a report: which may be the best, tables, and the picture of their profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.comparison.pair_verdict import where
from minidl.comparison.sign_flips import LEVEL
from minidl.comparison.tables import Table, row_words, with_interval
from minidl.comparison.tested import defined, metric_at, scores_of, sign_of, terms
from minidl.core.text import listed
from minidl.plotting import style as look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Result = Mapping[str, Any]
MOST_NAMED = 8


def best_words(result: Result) -> str:
    """Which configs may be the best, by the first row and those that say the same; "" where nothing is known."""
    together = result["together"]
    if together is None:
        return ""
    sets = {row: _members(p) for row, p in together["set"].items() if p is not None}
    if not sets:
        return ""
    members = next(iter(sets.values()))
    rows = [row for row, others in sets.items() if others == members]
    n = len(result["configs"])
    if len(members) == n:
        return f"Each of the {n} configs may be the best{where(rows, result)} (95 % model confidence set)."
    among = listed(members) if len(members) <= MOST_NAMED else f"{len(members)} of them (see the table)"
    said = "is, with 95 % confidence," + (" among" if len(members) > 1 else "")
    return f"The best of {n} configs {said} {among}{where(rows, result)} (model confidence set)."


def _members(p: Mapping[str, float]) -> list[str]:
    return [label for label, value in p.items() if value > LEVEL]


def together_blocks(result: Result) -> Iterator[tuple[str, Any]]:
    """The report's section."""
    if result["together"] is None:
        return
    row = result["asked"]["rows"][0]
    metric = metric_at(result, row)
    yield "heading", "All configs together"
    yield (
        "text",
        "The 95 % model confidence set (p above 0.05) holds the best config with that confidence: configs leave it, "
        "the worst first, as long as those that are left can be told apart; their scores are exchanged within seeds. "
        f"The interquartile mean is of the middle half of the runs, of {metric.words}{where([row], result)}, with a 95 "
        "% bootstrap interval over seeds, where there are six or more.",
    )
    yield "table", together_table(result)
    if result["together"]["improvement"]:
        yield (
            "text",
            "Probability of improvement: the chance that a run of the config at the left is better than a run of the "
            f"one above, of {metric.words}{where([row], result)}, with a 95 % interval over seeds.",
        )
        yield "table", improvement_table(result)


def together_table(result: Result) -> Table:
    """The p of the set in each row, and the interquartile mean."""
    together, rows = result["together"], result["asked"]["rows"]
    heads = [f"in the set, p, {row_words(row, result)}" for row in rows]
    table = [["", *heads, f"interquartile mean of {metric_at(result, rows[0]).words}, {row_words(rows[0], result)}"]]
    digits = metric_at(result, rows[0]).digits
    for label in result["configs"]:
        p = [None if together["set"][row] is None else together["set"][row][label] for row in rows]
        cells = ["-" if one is None else f"{'yes' if one > LEVEL else 'no'}, {one:.3f}" for one in p]
        table.append([label, *cells, with_interval(together["interquartile_mean"][label], digits)])
    return table


def improvement_table(result: Result) -> Table:
    """Of each config against each other one."""
    labels, found = list(result["configs"]), result["together"]["improvement"]
    table = [["better than", *labels]]
    for one in labels:
        table.append([one, *("" if one == other else with_interval(found[one][other], 2) for other in labels)])
    return table


def profiles_figure(result: Result, shown: Sequence[str]) -> Figure:
    """Performance profiles: the share of runs that are better than a score, and below the interquartile means."""
    row = result["asked"]["rows"][0]
    metric = metric_at(result, row)
    sign = sign_of(metric)
    with look.style():
        figure, (above, below) = look.panels(2, 4.2 + 0.3 * len(shown))
        finite = []
        for y, (label, color) in enumerate(zip(shown, look.COLORS, strict=False)):
            scores = scores_of(result, label)[row][metric.name]
            values = np.sort(sign * defined(scores))
            runs = len(values) + scores["broken"]
            finite += [*values]
            if len(values):
                x, shares = [2 * values[0] - values[-1] - 1, *values, values[-1]], np.arange(len(values), -1, -1) / runs
                steps = [len(values) / runs, *shares]
                above.plot(sign * np.array(x), steps, drawstyle="steps-pre", color=color, label=label)
            found = result["together"]["interquartile_mean"][label]
            if found["value"] is not None:
                below.plot(found["value"], y, "D", color=color, mec=look.BLACK, zorder=3)
            if None not in found.values():
                below.plot([found["low"], found["high"]], [y, y], color=color, lw=3)
        if finite:
            worst, quarter, best = np.quantile(finite, [0, 0.25, 1])
            worst = max(worst, quarter - 3 * (best - quarter + 1e-9))  # few collapsed runs must not squeeze the rest
            room = 0.04 * (best - worst) or 0.01
            for ax in (above, below):
                ax.set_xlim(*sorted((sign * (worst - room), sign * (best + room))))
        above.set_ylim(0, 1.05)
        above.set_ylabel("share of runs")
        than = "above" if sign > 0 else "below"
        above.set_title(f"Share of runs with {metric.words} {than} x, {terms(result).row_title(row, result['facts'])}")
        below.set_yticks(range(len(shown)), shown)
        below.set_ylim(len(shown) - 0.5, -0.5)
        below.set_title("Interquartile mean, 95 % interval over seeds")
        if shown:
            figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=10)
    return figure
