"""What each shortcut of an evaluation protocol does to the score, from runs that were made with and without it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.core.text import number, signed
from minidl.data.steps import ahead_short

HONEST = "+fit_on_train"  # a config's label with it is that of the same config without the scaler's shortcut
_LARGER_IS_BETTER = ("r2",)
_NAMES = {"scaler": "scaler", "weather": "later columns", "horizon": "block average", "plot": "shifted plot"}


def honest_configs(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Of a config whose scaler is fitted on the test part too, the same one with a scaler that is not."""
    if config["data"]["scaler"].get("fit_on") != "all":
        return {}
    honest: dict[str, Any] = copy.deepcopy(dict(config))
    honest["data"]["scaler"]["fit_on"] = "train"
    return {HONEST: honest}


def shortcut_effects(
    records: Mapping[str, Sequence[Mapping[str, Any]]], configs: Mapping[str, Any], tested: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """By config: for each shortcut the score with it, without it and the difference, at each horizon it touches.

    A row has ``shortcut``, ``with``, ``without``, ``horizon``, ``metric`` (that of
    `tested`), ``taken`` and ``avoided`` (medians over seeds), ``moved``, ``low`` and
    ``high`` (median and range, seed by seed, of what the shortcut makes better) and
    ``n`` seeds. ``moved`` above 0: the shortcut flatters.
    """
    return {
        label: [row for row in _rows(config, records[label], records.get(label + HONEST, ()), tested) if row["n"]]
        for label, config in configs.items()
    }


def _rows(
    config: Mapping[str, Any],
    own: Sequence[Mapping[str, Any]],
    honest: Sequence[Mapping[str, Any]],
    tested: Mapping[str, str],
) -> list[dict[str, Any]]:
    mine, others = ({r["seed"]: r for r in runs if r["status"] == "done"} for runs in (own, honest))
    rows = []
    for k, metric in tested.items():
        seeds = sorted(mine.keys() & others.keys())
        pairs = [tuple(run["scores"]["block"][k][metric] for run in (mine[s], others[s])) for s in seeds]
        words = ("fitted on all rows, the test part included", "fitted on training rows")
        rows.append(_row("scaler", *words, k, metric, pairs))
    longer = {k: metric for k, metric in tested.items() if k != "1"}
    if config["evaluation"]["future_covariates"] == "actual":
        ways = (("hold_last", "the last known row's"), ("same_hour_yesterday", "yesterday's, of the same time"))
        for way, avoided in ways:
            for k, metric in longer.items():
                known = [r for r in mine.values() if way in r["more"]["covariates"]]
                pairs = [(r["scores"]["block"][k][metric], r["more"]["covariates"][way][k][metric]) for r in known]
                rows.append(_row("weather", "the true later values are known", avoided, k, metric, pairs))
    for k, metric in longer.items():
        pairs = [tuple(r["scores"][kind][k][metric] for kind in ("block", "lead")) for r in mine.values()]
        rows.append(_row("horizon", f"average over leads 1 to {k}", f"lead {k} alone", k, metric, pairs))
    for k, metric in tested.items():
        pairs = [(r["more"]["shifted"][k][metric], r["scores"]["block"][k][metric]) for r in mine.values()]
        rows.append(_row("plot", "drawn one row early", "drawn at its own row", k, metric, pairs))
    return rows


def _row(
    shortcut: str, taken: str, avoided: str, horizon: str, metric: str, pairs: Sequence[tuple[float | None, ...]]
) -> dict[str, Any]:
    whole = [pair for pair in pairs if None not in pair]
    row: dict[str, Any] = {
        "shortcut": shortcut,
        "with": taken,
        "without": avoided,
        "horizon": horizon,
        "metric": metric,
        "n": len(whole),
    }
    if whole:
        with_it, without = np.array(whole, np.float64).T
        gain = (with_it - without) * (1 if metric in _LARGER_IS_BETTER else -1) + 0.0  # no -0.0
        row |= {
            "taken": float(np.median(with_it)),
            "avoided": float(np.median(without)),
            "moved": float(np.median(gain)),
            "low": float(gain.min()),
            "high": float(gain.max()),
        }
    return row


def shortcuts_table(rows: Sequence[Mapping[str, Any]], step: str, metrics: Mapping[str, str]) -> list[list[str]]:
    """What each shortcut moves, for one config; `metrics` are their words by name."""
    table = [
        ["shortcut", "with it", "without it", "", "of", "with", "without", "moved by", "lowest to highest", "runs"]
    ]
    for row in rows:
        table.append(
            [
                _NAMES[row["shortcut"]],
                row["with"],
                row["without"],
                ahead_short(row["horizon"], step),
                metrics[row["metric"]],
                number(row["taken"]),
                number(row["avoided"]),
                signed(row["moved"]),
                f"{signed(row['low'])} to {signed(row['high'])}",
                str(row["n"]),
            ]
        )
    return table
