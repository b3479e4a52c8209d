"""What each shortcut of an evaluation protocol does to the score, from runs that were made with and without it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.comparison.entries import Entry
from minidl.comparison.tasks import Record

_SUFFIX = "+fit_on_train"
METRIC = "r2"


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
    entries: Sequence[Entry], by_label: Mapping[str, Sequence[Record]], horizons: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """By config: for each shortcut the score with it, without it and the difference, at each horizon it touches.

    A row has ``shortcut``, ``with``, ``without``, ``horizon``, ``taken`` and
    ``avoided`` (medians over seeds of R²), ``moved``, ``low`` and ``high`` (median
    and range of taken - avoided, seed by seed) and ``n`` seeds. ``moved`` above 0:
    the shortcut flatters.
    """
    return {
        entry.label: [
            row
            for row in _rows(entry.label, by_label, [*horizons], entry.config["evaluation"]["future_covariates"])
            if row["n"]
        ]
        for entry in entries
        if entry.role == "compared"
    }


def _rows(
    label: str, by_label: Mapping[str, Sequence[Record]], horizons: Sequence[str], asked: str
) -> list[dict[str, Any]]:
    own = {record["seed"]: record for record in by_label[label] if record["status"] == "done"}
    honest = {r["seed"]: r for r in by_label.get(label + _SUFFIX, ()) if r["status"] == "done"}
    rows = []
    for k in horizons:
        pairs = [(_block(own[s], k), _block(honest[s], k)) for s in sorted(own.keys() & honest.keys())]
        rows.append(_row("scaler", "fitted on all rows, the test part included", "fitted on training rows", k, pairs))
    longer = [k for k in horizons if k != "1"]
    if asked == "actual":
        ways = (("hold_last", "the last known row's"), ("same_hour_yesterday", "yesterday's, of the same time"))
        for way, words in ways:
            for k in longer:
                pairs = [
                    (_block(r, k), r["covariates"][way][k][METRIC]) for r in own.values() if way in r["covariates"]
                ]
                rows.append(_row("weather", "the true later values are known", words, k, pairs))
    for k in longer:
        pairs = [(_block(r, k), r["scores"]["lead"][k][METRIC]) for r in own.values()]
        rows.append(_row("horizon", f"average over leads 1 to {k}", f"lead {k} alone", k, pairs))
    for k in horizons:
        pairs = [(r["shifted"][k][METRIC], _block(r, k)) for r in own.values()]
        rows.append(_row("plot", "drawn one row early", "drawn at its own row", k, pairs))
    return rows


def _block(record: Record, horizon: str) -> float | None:
    value: float | None = record["scores"]["block"][horizon][METRIC]
    return value


def _row(
    shortcut: str, taken: str, avoided: str, horizon: str, pairs: Sequence[tuple[float | None, float | None]]
) -> dict[str, Any]:
    whole = np.array([pair for pair in pairs if None not in pair], np.float64).reshape(-1, 2)
    row: dict[str, Any] = {"shortcut": shortcut, "with": taken, "without": avoided, "horizon": horizon, "n": len(whole)}
    if len(whole):
        d = whole[:, 0] - whole[:, 1]
        row |= {
            "taken": float(np.median(whole[:, 0])),
            "avoided": float(np.median(whole[:, 1])),
            "moved": float(np.median(d)),
            "low": float(d.min()),
            "high": float(d.max()),
        }
    return row
