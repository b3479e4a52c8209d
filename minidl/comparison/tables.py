"""The tables of a comparison: rows of cells, for the terminal, Markdown and HTML alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.comparison.tested import metric_at, scores_of, sign_of, terms, undefined_at
from minidl.core.text import number, p_words, signed
from minidl.metrics import Metric
from minidl.tasks.terms import SKILL

Result = Mapping[str, Any]
Table = list[list[str]]  # the first row is the head


def row_words(row: str, result: Result) -> str:
    """A row's name in a table."""
    return terms(result).row_short(row, result["facts"])


def shown_metrics(result: Result) -> list[Metric]:
    """Of which there are tables: the leading metric, skill, the next; one more where the leading one is undefined."""
    leading, *others = terms(result).metrics
    undefined = undefined_at(result)
    shown = [SKILL, *others[: 2 if undefined else 1], *terms(result).also_shown]
    units = result["facts"].get("units", "")
    return [one.on(units) for one in (shown if undefined == result["asked"]["rows"] else [leading, *shown])]


def metric_title(metric: Metric, result: Result) -> str:
    """Over a table: ``RMSE, µg/m³``."""
    title = metric.title(result["facts"].get("units", ""))
    return title[:1].upper() + title[1:]


def scores_table(result: Result, metric: Metric) -> Table:
    """Medians over seeds with the range, the published numbers beside them, and the baselines."""
    configs, baselines, of = result["configs"], result["baselines"], terms(result)
    rows = [["", *_config_heads(result, metric), *map(of.baseline_short, baselines)]]
    for i, row in enumerate(result["asked"]["rows"]):
        cells = [row_words(row, result)]
        for label, config in configs.items():
            cells.append(_median_and_range(scores_of(result, label)[row][metric.name], metric.digits))
            if metric.name in (config["published"] or ()):
                cells.append(number(config["published"][metric.name][i], metric.digits))
        for name in baselines:
            cells.append(number(_of_baseline(result, name, row, metric), metric.digits))
        rows.append(cells)
    return rows


def _of_baseline(result: Result, name: str, row: str, metric: Metric) -> float | None:
    """A baseline's score, or its own skill."""
    of, baselines = terms(result), result["baselines"]
    mine, reference = (baselines[one][of.task.table][row] for one in (name, of.task.reference))
    value: float | None = of.skill(mine, reference) if metric is SKILL else mine[metric.name]
    return value


def _median_and_range(spread: Mapping[str, Any], digits: int) -> str:
    """``0.70 (0.61 to 0.75; 2 broken)``."""
    median, low, high = (number(spread[name], digits) for name in ("median", "minimum", "maximum"))
    notes = [f"{low} to {high}"] * (spread["n"] > 0) + [f"{spread['broken']} broken"] * (spread["broken"] > 0)
    return f"{median} ({'; '.join(notes)})" if notes else median


def _config_heads(result: Result, metric: Metric) -> list[str]:
    heads = []
    for label, config in result["configs"].items():
        heads.append(label)
        if metric.name in (config["published"] or ()):
            heads.append(config["published"]["source"])
    return heads


def confounds_table(result: Result) -> Table:
    """What differs, by config."""
    labels = list(result["configs"])
    rows = [["", *labels]]
    rows += [[d["what"], *(d["values"][label] for label in labels)] for d in result["confounds"]["differences"]]
    return rows


def spread_table(result: Result, table: str) -> Table:
    """Every config in every row of a table: the spread of the leading metric, with the next one and skill.

    ``runs`` counts those that gave a score, of which mean, std and range are; the
    medians count the broken ones as the worst.
    """
    of = terms(result)
    units = result["facts"].get("units", "")
    leading, *beside = (metric.on(units) for metric in (of.leading, *of.metrics[1:2], SKILL))
    names = [f"{metric.words}, {units}" if metric.in_units and units else metric.words for metric in beside]
    rows = [["", "", "runs", "broken", f"{leading.words} median", "mean", "std", "lowest", "highest", *names]]
    for label, config in result["configs"].items():
        for i, (row, scores) in enumerate(config[table].items()):
            s = scores[leading.name]
            rows.append(
                [
                    label if i == 0 else "",
                    row_words(row, result),
                    str(scores[of.measure.name]["n"]),
                    str(s["broken"]),
                    *(number(s[name], leading.digits) for name in ("median", "mean", "std", "minimum", "maximum")),
                    *(number(scores[metric.name]["median"], metric.digits) for metric in beside),
                ]
            )
    return rows


def differences_table(result: Result) -> Table:
    """Paired differences over seeds: of the leading metric, or of the next where that is undefined."""
    rows = [
        [
            "second - first",
            "",
            "of",
            "pairs",
            "mean",
            "median",
            "95 %, seeds",
            "95 %, seeds and test part",
            "p",
            "second better",
            "first better",
            "corrected p",
        ]
    ]
    for pair in result["pairs"]:
        for i, (k, row) in enumerate(pair["rows"].items()):
            lost = row["n"] - row["survivors"]
            rows.append(
                [
                    f"{pair['second']} - {pair['first']}" if i == 0 else "",
                    row_words(k, result),
                    terms(result).metric(row["metric"]).words,
                    f"{row['n']}, {lost} broken" if lost else str(row["n"]),
                    *("-" if row[name] is None else signed(row[name]) for name in ("mean", "median")),
                    interval_words(row),
                    interval_words(row["both"] or {}),
                    p_words(row["p"]).removeprefix("= "),
                    str(row["second_better"]),
                    str(row["first_better"]),
                    p_words(row["p_adjusted"]).removeprefix("= "),
                ]
            )
    return rows


def interval_words(row: Mapping[str, Any], sign: int = 1) -> str:
    """``+0.01 to +0.02``, in the direction that sign says; a dash where there is none."""
    if row.get("low") is None:
        return "-"
    low, high = sorted((sign * row["low"], sign * row["high"]))
    return f"{signed(low)} to {signed(high)}"


def with_interval(found: Mapping[str, float | None], digits: int, times: int = 1) -> str:
    """``0.123 (0.1 to 0.2)``: a value and its interval, where there is one."""
    value, low, high = (number(None if v is None else times * v, digits) for v in found.values())
    return value if found["low"] is None and found["high"] is None else f"{value} ({low} to {high})"


def failures_table(result: Result) -> Table:
    """How many runs broke, collapsed, or lost to the reference."""
    names, than = result["asked"]["rows"], terms(result).reference_head
    rows = [
        [
            "",
            "runs",
            "NaN or Inf",
            "failed to train",
            *(f"worse than {than}, {row_words(row, result)}" for row in names),
        ]
    ]
    for label, config in result["configs"].items():
        worse = [str(config["worse_than_reference"][row]) for row in names]
        rows.append(
            [label, str(config["runs"]), str(len(config["broken"])), str(len(config["failed_to_train"])), *worse]
        )
    return rows


def cost_table(result: Result) -> Table:
    """Parameters, work and time."""
    rows = [
        ["", "layers", "parameters", f"multiply-adds a {result['asked']['example']}", "training, s (median)", "engine"]
    ]
    for label, config in result["configs"].items():
        widths = "+".join(map(str, config["widths"]))
        seconds = config["seconds"]["training"]["median"]
        cells = [f"{config['parameters']:,}", f"{config['multiply_adds']:,}", number(seconds, 1)]
        rows.append([label, widths, *cells, ", ".join(config["engines"])])
    return rows


def trade_offs_table(result: Result) -> Table:
    """The points of a sweep; a star marks the best trade-offs."""
    row = result["asked"]["rows"][0]
    metric = metric_at(result, row)
    words = f"{metric.words} {row_words(row, result)}, median"
    rows = [["", words, "parameters", "", "training, s", ""]]
    for p in sorted(result["trade_offs"], key=lambda p: -sign_of(metric) * p["score"]):
        star = {cost: "★" if best else "" for cost, best in p["best_by"].items()}
        cells = [
            number(p["score"]),
            f"{p['parameters']:,}",
            star["parameters"],
            number(p["seconds"], 1),
            star["seconds"],
        ]
        rows.append([p["short"], *cells])
    return rows


def caption(result: Result) -> str:
    """What a picture of scores must say: what they assume first of all, in all configs; "" if nothing."""
    assumed: list[str] = next(iter(result["assumptions"].values()), [])
    return f"Scores assume: {assumed[0]}." if assumed else ""


def assumption_lines(result: Result) -> list[str]:
    """What the scores assume, and which baselines are left out; of one config apart only where they differ."""
    by_label = result["assumptions"]
    lines = [f"Scores assume: {line}." for line in next(iter(by_label.values()), [])]
    if len({tuple(lines) for lines in by_label.values()}) > 1:
        lines = [f"Scores of {label} assume: {'; '.join(assumed)}." for label, assumed in by_label.items()]
    return lines + [
        f"Without “{terms(result).baseline_short(name)}”: {why}" for name, why in result["left_out"].items()
    ]
