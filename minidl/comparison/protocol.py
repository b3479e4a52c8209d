"""What each shortcut of an evaluation protocol does to the score, from runs that were made with and without it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.comparison.entries import Entry
from minidl.comparison.tasks import Record
from minidl.comparison.tested import larger_is_better

_SUFFIX = "+fit_on_train"


def protocol_entries(entries: Sequence[Entry]) -> list[Entry]:
    """For each config whose scaler is fitted on the test part too, the same one with a scaler that is not."""
    added = []
    for entry in entries:
        scaler = entry.config["data"]["scaler"]
        if scaler.get("fit_on") == "all":
            config: dict[str, Any] = copy.deepcopy(dict(entry.config))
            config["data"]["scaler"]["fit_on"] = "train"
            added.append(Entry(entry.label + _SUFFIX, config, entry.point, role="protocol"))
    return added


def protocol_effects(
    entries: Sequence[Entry], by_label: Mapping[str, Sequence[Record]], tested: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """By config: for each shortcut the score with it, without it and the difference, at each horizon it touches.

    A row has ``shortcut``, ``with``, ``without``, ``horizon``, ``metric`` (that of
    `tested`), ``taken`` and ``avoided`` (medians over seeds), ``moved``, ``low`` and
    ``high`` (median and range, seed by seed, of what the shortcut makes better) and
    ``n`` seeds. ``moved`` above 0: the shortcut flatters.
    """
    return {
        entry.label: [row for row in _rows(entry, by_label, tested) if row["n"]]
        for entry in entries
        if entry.role == "compared"
    }


def _rows(entry: Entry, by_label: Mapping[str, Sequence[Record]], tested: Mapping[str, str]) -> list[dict[str, Any]]:
    own = {record["seed"]: record for record in by_label[entry.label] if record["status"] == "done"}
    honest = {r["seed"]: r for r in by_label.get(entry.label + _SUFFIX, ()) if r["status"] == "done"}
    rows = []
    for k, metric in tested.items():
        seeds = sorted(own.keys() & honest.keys())
        pairs = [tuple(run["scores"]["block"][k][metric] for run in (own[s], honest[s])) for s in seeds]
        words = ("fitted on all rows, the test part included", "fitted on training rows")
        rows.append(_row("scaler", *words, k, metric, pairs))
    longer = {k: metric for k, metric in tested.items() if k != "1"}
    if entry.config["evaluation"]["future_covariates"] == "actual":
        ways = (("hold_last", "the last known row's"), ("same_hour_yesterday", "yesterday's, of the same time"))
        for way, avoided in ways:
            for k, metric in longer.items():
                known = [r for r in own.values() if way in r["covariates"]]
                pairs = [(r["scores"]["block"][k][metric], r["covariates"][way][k][metric]) for r in known]
                rows.append(_row("weather", "the true later values are known", avoided, k, metric, pairs))
    for k, metric in longer.items():
        pairs = [tuple(r["scores"][kind][k][metric] for kind in ("block", "lead")) for r in own.values()]
        rows.append(_row("horizon", f"average over leads 1 to {k}", f"lead {k} alone", k, metric, pairs))
    for k, metric in tested.items():
        pairs = [(r["shifted"][k][metric], r["scores"]["block"][k][metric]) for r in own.values()]
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
        gain = (with_it - without) * (1 if larger_is_better(metric) else -1) + 0.0  # no -0.0
        row |= {
            "taken": float(np.median(with_it)),
            "avoided": float(np.median(without)),
            "moved": float(np.median(gain)),
            "low": float(gain.min()),
            "high": float(gain.max()),
        }
    return row
