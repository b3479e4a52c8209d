"""The tables of a comparison: rows of cells, for the terminal, Markdown and HTML alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.comparison.tested import WORDS, larger_is_better, metric_at, undefined_at
from minidl.comparison.verdict import p_words, signed
from minidl.data.steps import ahead_short
from minidl.forecasting.words import baseline_short, baseline_words

Result = Mapping[str, Any]
Table = list[list[str]]  # the first row is the head


def number(value: float | None, digits: int = 4) -> str:
    """A number, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def horizon_words(horizon: str, result: Result) -> str:
    """``8 h``: the block score over leads 1 to 8."""
    return ahead_short(horizon, result["step"])


def shown_metrics(result: Result) -> list[tuple[str, str, int]]:
    """Metric, title and digits of each table of scores; where R² is undefined, MAE stands for it."""
    unit = f", {result['units']}" if result["units"] else ""
    undefined = undefined_at(result)
    shown = [("skill", "Skill", 3), ("rmse", f"RMSE{unit}", 2)]
    if undefined != result["asked"]["horizons"]:
        shown.insert(0, ("r2", "R²", 4))
    if undefined:
        shown.append(("mae", f"MAE{unit}", 2))
    return shown


def scores_table(result: Result, metric: str, digits: int) -> Table:
    """Medians over seeds with the range, the published numbers beside them, and the baselines."""
    configs, baselines = result["configs"], result["baselines"]
    head = ["", *_config_heads(result, metric), *(baseline_short(name) for name in baselines)]
    rows = [head]
    for i, k in enumerate(result["asked"]["horizons"]):
        cells = [horizon_words(k, result)]
        for config in configs.values():
            s = config["block"][k][metric]
            cells.append(_median_and_range(s, digits))
            if _has_published(config, metric):
                cells.append(number(config["published"][metric][i], digits))
        for baseline in baselines.values():
            block = baseline["block"][k]
            value = skill(block, baselines, k) if metric == "skill" else block[metric]
            cells.append(number(value, digits))
        rows.append(cells)
    return rows


def _median_and_range(spread: Mapping[str, Any], digits: int) -> str:
    """``0.70 (0.61 to 0.75; 2 broken)``."""
    median, low, high = (number(spread[name], digits) for name in ("median", "minimum", "maximum"))
    notes = [f"{low} to {high}"] * (spread["n"] > 0) + [f"{spread['broken']} broken"] * (spread["broken"] > 0)
    return f"{median} ({'; '.join(notes)})" if notes else median


def skill(block: Mapping[str, Any], baselines: Mapping[str, Any], horizon: str) -> float | None:
    """A baseline's own skill against persistence."""
    reference = baselines["persistence"]["block"][horizon]["rmse"]
    return 1 - (block["rmse"] / reference) ** 2 if reference and block["rmse"] is not None else None


def _has_published(config: Mapping[str, Any], metric: str) -> bool:
    return bool(config["published"]) and metric in ("r2", "loss")


def _config_heads(result: Result, metric: str) -> list[str]:
    heads = []
    for label, config in result["configs"].items():
        heads.append(label)
        if _has_published(config, metric):
            heads.append(config["published"]["source"])
    return heads


def confounds_table(result: Result) -> Table:
    """What differs, by config."""
    labels = list(result["configs"])
    rows = [["", *labels]]
    rows += [[d["what"], *(d["values"][label] for label in labels)] for d in result["confounds"]["differences"]]
    return rows


def spread_table(result: Result, kind: str = "block") -> Table:
    """Every config at every horizon or lead: the spread of R², with RMSE and skill.

    ``runs`` counts those that gave a score, of which mean, std and range are; the
    medians count the broken ones as the worst.
    """
    rmse = f"RMSE, {result['units']}" if result["units"] else "RMSE"
    rows = [["", "", "runs", "broken", "R² median", "mean", "std", "lowest", "highest", rmse, "skill"]]
    for label, config in result["configs"].items():
        for i, (k, scores) in enumerate(config[kind].items()):
            s = scores["r2"]
            rows.append(
                [
                    label if i == 0 else "",
                    horizon_words(k, result),
                    str(scores["rmse"]["n"]),
                    str(s["broken"]),
                    *(number(s[name]) for name in ("median", "mean", "std", "minimum", "maximum")),
                    number(scores["rmse"]["median"], 2),
                    number(scores["skill"]["median"], 3),
                ]
            )
    return rows


def differences_table(result: Result) -> Table:
    """Paired differences over seeds: of R², or of RMSE where that is undefined."""
    rows = [
        [
            "second - first",
            "",
            "of",
            "pairs",
            "mean",
            "median",
            "95 % interval",
            "p",
            "second better",
            "first better",
            "corrected p",
        ]
    ]
    for pair in result["pairs"]:
        for i, (k, row) in enumerate(pair["horizons"].items()):
            between = "-" if row["low"] is None else f"{signed(row['low'])} to {signed(row['high'])}"
            lost = row["n"] - row["survivors"]
            rows.append(
                [
                    f"{pair['second']} - {pair['first']}" if i == 0 else "",
                    horizon_words(k, result),
                    WORDS[row["metric"]],
                    f"{row['n']}, {lost} broken" if lost else str(row["n"]),
                    *("-" if row[name] is None else signed(row[name]) for name in ("mean", "median")),
                    between,
                    p_words(row["p"]).removeprefix("= "),
                    str(row["second_better"]),
                    str(row["first_better"]),
                    p_words(row["p_adjusted"]).removeprefix("= "),
                ]
            )
    return rows


def failures_table(result: Result) -> Table:
    """How many runs broke, collapsed, or lost to persistence."""
    horizons = result["asked"]["horizons"]
    rows = [
        [
            "",
            "runs",
            "NaN or Inf",
            "failed to train",
            *(f"worse than now, {horizon_words(k, result)}" for k in horizons),
        ]
    ]
    for label, config in result["configs"].items():
        worse = [str(config["worse_than_persistence"][k]) for k in horizons]
        rows.append(
            [label, str(config["runs"]), str(len(config["broken"])), str(len(config["failed_to_train"])), *worse]
        )
    return rows


def cost_table(result: Result) -> Table:
    """Parameters, work and time."""
    rows = [["", "layers", "parameters", "multiply-adds a window", "training, s (median)", "engine"]]
    for label, config in result["configs"].items():
        widths = "+".join(map(str, config["widths"]))
        seconds = config["seconds"]["training"]["median"]
        cells = [f"{config['parameters']:,}", f"{config['multiply_adds']:,}", number(seconds, 1)]
        rows.append([label, widths, *cells, ", ".join(config["engines"])])
    return rows


def protocol_table(result: Result, label: str) -> Table:
    """What each shortcut moves, for one config."""
    words = {"scaler": "scaler", "weather": "later columns", "horizon": "block average", "plot": "shifted plot"}
    rows = [["shortcut", "with it", "without it", "", "of", "with", "without", "moved by", "lowest to highest", "runs"]]
    for row in result["protocol"][label]:
        rows.append(
            [
                words[row["shortcut"]],
                row["with"],
                row["without"],
                horizon_words(row["horizon"], result),
                WORDS[row["metric"]],
                number(row["taken"]),
                number(row["avoided"]),
                signed(row["moved"]),
                f"{signed(row['low'])} to {signed(row['high'])}",
                str(row["n"]),
            ]
        )
    return rows


def over_time_table(result: Result) -> Table:
    """The Diebold-Mariano tests of two runs."""
    rows = [["lead", "statistic", "p", "forecasts", "smaller errors"]]
    for row in result["over_time"][0]["leads"] if result["over_time"] else []:
        better = result["over_time"][0]["second" if row["statistic"] > 0 else "first"]
        word = better if row["p"] < 0.05 else "no evidence"
        p = p_words(row["p"]).removeprefix("= ")
        rows.append([horizon_words(row["lead"], result), f"{row['statistic']:+.2f}", p, f"{row['n']:,}", word])
    return rows


def trade_offs_table(result: Result) -> Table:
    """The points of a sweep; a star marks the best trade-offs."""
    horizon = result["asked"]["horizons"][0]
    metric = metric_at(result, horizon)
    sign = -1 if larger_is_better(metric) else 1
    words = f"{WORDS[metric]} {horizon_words(horizon, result)}, median"
    rows = [["", words, "parameters", "", "training, s", ""]]
    for p in sorted(result["trade_offs"], key=lambda p: sign * p["score"]):
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


def baseline_list(result: Result) -> list[str]:
    """The baselines in words."""
    return [baseline_words(name) for name in result["baselines"]]


def caption(result: Result) -> str:
    """What a picture of scores must say: what they assume about the time after a forecast is made, in all configs."""
    return f"Scores assume: {next(iter(result['assumptions'].values()))[0]}."


def assumption_lines(result: Result) -> list[str]:
    """What the scores assume, and which baselines are left out; of one config apart only where they differ."""
    by_label = result["assumptions"]
    lines = [f"Scores assume: {line}." for line in next(iter(by_label.values()), [])]
    if len({tuple(lines) for lines in by_label.values()}) > 1:
        lines = [f"Scores of {label} assume: {'; '.join(assumed)}." for label, assumed in by_label.items()]
    return lines + [f"Without “{baseline_short(name)}”: {why}" for name, why in result["left_out"].items()]
