"""The pictures of a comparison. What they show is in comparison.json; matplotlib is the extra ``plot``.

They are narrow, so that their letters can be read on a phone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.comparison.markup import well_formed
from minidl.comparison.tables import row_words
from minidl.comparison.tested import defined, metric_at, scores_of, sign_of, terms
from minidl.core.text import p_words, printable
from minidl.files.storage import write_file
from minidl.plotting import style as look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Result = Mapping[str, Any]
MOST = 5  # configs in a figure that shows each by a colour
_STYLE: Any = {"svg.fonttype": "path", "svg.hashsalt": "minidl", "font.size": 11}


def save_svg(figure: Figure, path: Path) -> Path:
    """Write a figure as SVG, the same bytes for the same figure; the folder is made."""
    import matplotlib

    buffer = BytesIO()
    _show_texts(figure)
    with look.style(), matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    path.parent.mkdir(exist_ok=True)
    write_file(path, well_formed(buffer.getvalue()))
    return path


def _show_texts(figure: Figure) -> None:
    """Let all texts of a figure show what fonts have no sign for, such as control characters in a column's name."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_text("\n".join(map(printable, text.get_text().split("\n"))))


def shown(result: Result) -> dict[str, Any]:
    """The configs that a figure shows: all, or of many those with the best medians."""
    row = result["asked"]["rows"][0]
    metric = metric_at(result, row)
    medians = {label: scores_of(result, label)[row][metric.name]["median"] for label in result["configs"]}
    sign = -sign_of(metric)
    ranked = sorted(medians, key=lambda label: (medians[label] is None, sign * (medians[label] or 0.0)))
    return {label: config for label, config in result["configs"].items() if label in ranked[:MOST]}


def scores_figure(result: Result) -> Figure:
    """Every run as a dot, the median and the middle half as a bar, baselines and published numbers as lines."""
    configs, names, of, facts = shown(result), result["asked"]["rows"], terms(result), result["facts"]
    with look.style():
        figure, axes = look.panels(len(names), 0.9 + (0.75 + 0.28 * len(configs)) * len(names))
        for i, (ax, name) in enumerate(zip(axes, names, strict=True)):
            spans, metric = [], metric_at(result, name)
            sign = sign_of(metric)
            for y, ((label, config), color) in enumerate(zip(configs.items(), look.COLORS, strict=False)):
                scores = scores_of(result, label)[name][metric.name]
                values = defined(scores)
                spans += [*values]
                _dots(ax, values, y, color, scores["median"])
                if metric.name in (config["published"] or ()):
                    number = config["published"][metric.name][i]
                    spans.append(number)
                    ax.plot(number, y, "*", ms=13, mfc="white", mec=look.BLACK, zorder=4)
            for (baseline, tables), line in zip(result["baselines"].items(), cycle(look.LINES), strict=False):
                value = tables[of.task.table][name][metric.name]
                if value is not None and spans and _is_near(value, spans, sign):
                    ax.axvline(value, color="#555555", ls=line, lw=1.4, label=of.baseline_short(baseline))
                    spans.append(value)
            ax.set_yticks(range(len(configs)), [_with_broken(label, config) for label, config in configs.items()])
            ax.set_ylim(len(configs) - 0.5, -0.5)
            ax.grid(axis="y", visible=False)
            _limit(ax, spans, sign)
            look.few_numbers(ax)
            words = look.with_units(metric.words, facts.get("units", "") if metric.in_units else "")
            ax.set_title(f"{words}, {of.row_title(name, facts)}")
        _legend(figure, axes[0], any(c["published"] for c in configs.values()))
    return figure


def _with_broken(label: str, config: Mapping[str, Any]) -> str:
    broken = len(config["broken"])
    return f"{label}\n({broken} of {config['runs']} broke)" if broken else label


def _is_near(value: float, spans: Sequence[float], sign: int) -> bool:
    """Whether a baseline is not so much worse than the runs that it would squeeze them."""
    scores = sign * np.array(spans)
    room = 0.1 if sign > 0 else float(np.ptp(scores)) + 0.1 * abs(float(np.median(scores)))
    return bool(sign * value > np.quantile(scores, 0.1) - room)


def _dots(ax: Any, values: Any, row: int, color: str, median: float | None) -> None:
    """The median counts broken runs, which have no dot, as the worst."""
    if not len(values):
        return
    offset = np.linspace(-0.25, 0.25, len(values)) if len(values) > 1 else np.zeros(1)
    ax.plot(values, row + offset, "o", ms=4, color=color, alpha=0.55, mec="none")
    low, high = np.quantile(values, [0.25, 0.75])
    ax.plot([low, high], [row, row], color=look.BLACK, lw=2.5, zorder=3)
    if median is not None:
        ax.plot(median, row, "D", color=look.BLACK, ms=6, zorder=3)


def _limit(ax: Any, spans: Sequence[float], sign: int) -> None:
    """A few collapsed runs must not squeeze the rest: they stand beyond the worse edge, and are counted."""
    if not spans:
        return
    scores = sign * np.array(spans)
    low, quarter, middle, high = np.quantile(scores, [0, 0.25, 0.5, 1])
    worst = max(low, middle - 4 * (high - quarter + 1e-6 * abs(middle)))
    room = 0.05 * (high - worst) or 0.01 * (abs(middle) or 1.0)
    ax.set_xlim(*sorted((sign * (worst - room), sign * (high + room))))
    outside = int(np.count_nonzero(scores < worst))
    if outside and sign > 0:
        ax.annotate(f"← {outside} further left, down to {low:.2f}", (0.01, 0.02), xycoords="axes fraction", fontsize=9)
    elif outside:
        text = f"{outside} further right, up to {-low:.4g} →"
        ax.annotate(text, (0.99, 0.02), xycoords="axes fraction", fontsize=9, ha="right")


def _legend(figure: Figure, ax: Any, published: bool) -> None:
    from matplotlib.lines import Line2D

    handles, labels = ax.get_legend_handles_labels()
    handles.append(Line2D([], [], color=look.BLACK, marker="D", lw=2.5))
    labels.append("median, middle half")
    if published:
        handles.append(Line2D([], [], marker="*", ms=12, mfc="white", mec=look.BLACK, ls=""))
        labels.append("published")
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=10)


def differences_figure(result: Result) -> Figure:
    """Paired differences of the first pair over seeds, with the mean and its interval."""
    pair = result["pairs"][0]
    with look.style():
        figure, axes = look.panels(len(pair["rows"]), 0.8 + 1.05 * len(pair["rows"]))
        for ax, (name, row) in zip(axes, pair["rows"].items(), strict=True):
            d = np.array([value for value in row["differences"] if value is not None], float)
            ax.axvline(0, color=look.BLACK, lw=1)
            if result["asked"]["smallest"] is not None and row["metric"] == terms(result).leading.name:
                ax.axvspan(-result["asked"]["smallest"], result["asked"]["smallest"], color="#dddddd", lw=0, zorder=0)
            ax.plot(d, np.linspace(-0.3, 0.3, len(d)) if len(d) > 1 else d * 0, "o", ms=4, color=look.BLUE, alpha=0.55)
            if row["low"] is not None:
                ax.plot([row["low"], row["high"]], [0, 0], color=look.VERMILLION, lw=4, zorder=3)
            if row["both"] and row["both"]["low"] is not None:
                ax.plot([row["both"]["low"], row["both"]["high"]], [0, 0], color=look.VERMILLION, lw=1.5, zorder=3)
            if row["mean"] is not None:
                ax.plot(row["mean"], 0, "D", color=look.VERMILLION, mec=look.BLACK, ms=7, zorder=4)
            ax.set_yticks([])
            ax.set_ylim(-0.6, 0.6)
            look.few_numbers(ax)
            lost = row["n"] - row["survivors"]
            broken = f"; {lost} pair{'s' * (lost > 1)} with a broken run" if lost else ""
            numbers = f"p {p_words(row['p'])}, corrected p {p_words(row['p_adjusted'])}"
            ax.set_title(f"{metric_at(result, name).words}, {row_words(name, result)}: {numbers}{broken}")
        thin = ", thin over seeds and test part" if any(row["both"] for row in pair["rows"].values()) else ""
        axes[-1].set_xlabel(f"{pair['second']} - {pair['first']}\nseed by seed; mean and 95 % interval{thin}")
    return figure


def curves_figure(result: Result, curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Loss by epoch: the median over seeds, the band of all seeds; a panel for each loss that configs have."""
    by_loss: dict[str, list[tuple[str, str]]] = {}
    for label, color in zip(shown(result), look.COLORS, strict=False):
        by_loss.setdefault(json.dumps(result["configs"][label]["loss"]), []).append((label, color))
    with look.style():
        figure, axes = look.panels(len(by_loss), 1.2 + 3.0 * len(by_loss))
        for ax, labels in zip(axes, by_loss.values(), strict=True):
            early = _curves(ax, labels, curves)
            ax.set_ylabel(terms(result).loss_words)
            loss = result["configs"][labels[0][0]]["loss"]["type"]
            of = f"{loss} by epoch" if len(by_loss) > 1 else "Loss by epoch"
            after = ";\na run that ended early keeps its last loss" if early else ""
            ax.set_title(f"{of}: median, and band of all seeds{after}")
            ax.legend()
        axes[-1].set_xlabel("epoch")
    return figure


def _curves(ax: Any, labels: Sequence[tuple[str, str]], curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> bool:
    """Draw configs of one loss; whether a run of theirs ended early."""
    everything, early = [], False
    for label, color in labels:
        runs = [curve for curve in curves[label] if curve["epoch"]]
        if not runs:
            continue
        most = max(len(curve["epoch"]) for curve in runs)
        # Without the runs that have ended the median would jump to those that go on.
        loss = np.array([held(curve["train_loss"], most) for curve in runs], float)
        epochs = np.arange(1, most + 1)
        ax.fill_between(epochs, loss.min(axis=0), loss.max(axis=0), color=color, alpha=0.18, lw=0)
        ax.plot(epochs, np.median(loss, axis=0), color=color, label=f"{label}, median")
        everything += [*loss.flat]
        early = early or any(len(curve["epoch"]) < most for curve in runs)
    look.loss_axis(ax, everything)
    return early


def held(values: Sequence[float], n: int) -> list[float]:
    """n values, the last one again and again where there are fewer."""
    return [*values, *[values[-1]] * (n - len(values))]


def sweep_figure(result: Result, cost: str) -> Figure:
    """The median score in the first row against a cost; the best trade-offs joined by a line."""
    name = result["asked"]["rows"][0]
    points = [point for point in result["trade_offs"] if point[cost] is not None]
    with look.style():
        figure, axes = look.panels(1, 4.4)
        ax = axes[0]
        best = sorted((p for p in points if p["best_by"][cost]), key=lambda p: p[cost])
        ax.plot([p[cost] for p in points], [p["score"] for p in points], "o", color=look.BLUE, ms=6)
        ax.plot([p[cost] for p in best], [p["score"] for p in best], "D-", color=look.VERMILLION, ms=7, lw=1.5)
        for p in best:
            ax.annotate(p["short"], (p[cost], p["score"]), (5, -11), textcoords="offset points", fontsize=8)
        ax.set_xlabel({"parameters": "parameters", "seconds": "seconds of training (median)"}[cost])
        ax.set_ylabel(f"median {metric_at(result, name).words}, {terms(result).row_title(name, result['facts'])}")
        ax.set_title("Score against cost; the best trade-offs are joined")
        ax.margins(x=0.12, y=0.12)
    return figure
