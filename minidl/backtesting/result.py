"""What the folds of a backtest say together: scores by origin and lead, their median and spread."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.backtesting.folds import Record
from minidl.data.steps import ahead_short
from minidl.forecasting.words import baseline_short

Cell = float | None
METRICS = ("rmse", "r2")
RETRAINED, KEPT = "retrained", "trained_once"


def result(
    records: Sequence[Record], *, name: str, seed: int, units: str, step: str, of_targets: Mapping[str, str]
) -> dict[str, Any]:
    """What backtest.json says.

    ``folds``: by origin the ``scores`` of each forecaster by lead, `RETRAINED` (the fold's own model) and `KEPT` (the
    first fold's) among them; ``over_folds``: by forecaster, lead and metric ``median``, ``lowest`` and ``highest``,
    under the lead ``mean`` those of the mean over all leads. Of several targets these are of all together;
    ``targets`` has the same of each by name.

    Parameters
    ----------
    of_targets : the units of each of several targets by name; empty: there is one.
    """
    found = {"name": name, "seed": seed, **_scores(records, units, step)}
    made = {}
    for target, own in of_targets.items():
        scored = [{**record, **record["targets"].get(target, {})} for record in records]
        made[target] = _scores(scored, own, step)
    return {**found, **({"targets": made} if made else {})}


def _scores(records: Sequence[Record], units: str, step: str) -> dict[str, Any]:
    kept = records[0]["kept"] if records else {}
    folds = []
    for record in records:
        table = kept.get(str(record["fold"]), {})
        scores: dict[str, dict[str, dict[str, Cell]]] = {}
        for lead, row in record["scores"].items():
            ours = {RETRAINED: row["model"], **({KEPT: table[lead]["model"]} if lead in table else {})}
            for forecaster, values in {**ours, **{key: row[key] for key in row if key != "model"}}.items():
                scores.setdefault(forecaster, {})[lead] = values
        for leads in scores.values():
            leads["mean"] = {metric: _mean([row[metric] for row in leads.values()]) for metric in METRICS}
        about = {key: record[key] for key in ("fold", "rows", "times", "epoch", "error", "seconds")}
        folds.append({**about, "scores": scores})
    names = dict.fromkeys(name for fold in folds for name in fold["scores"])
    over = {name: _over([fold["scores"][name] for fold in folds if name in fold["scores"]]) for name in names}
    return {"units": units, "step": step, "folds": folds, "over_folds": over}


def _over(scores: Sequence[Mapping[str, Mapping[str, Cell]]]) -> dict[str, dict[str, dict[str, Cell]]]:
    """By lead and metric, over the folds in which there is such a score."""
    found: dict[str, dict[str, dict[str, Cell]]] = {}
    for lead in scores[0]:
        for metric in METRICS:
            values = [row[lead][metric] for row in scores]
            known = [value for value in values if value is not None and math.isfinite(value)]
            ends = (np.median(known), min(known), max(known)) if known else (None, None, None)
            cell = {
                key: None if value is None else float(value)
                for key, value in zip(("median", "lowest", "highest"), ends, strict=True)
            }
            found.setdefault(lead, {})[metric] = cell
    return found


def _mean(values: Sequence[Cell]) -> Cell:
    return None if not values or None in values else float(np.mean(np.array(values, float)))


def by_lead(found: Mapping[str, Any], metric: str, leads: Sequence[int], target: str = "") -> list[list[str]]:
    """A row for each forecaster: the median and the range over the folds, at some leads and in the mean.

    Parameters
    ----------
    found : what `result` gives, or of a target what its ``targets`` has.
    target : its name, where there are several.
    """
    furthest = max(leads)
    columns = [*(str(lead) for lead in sorted(leads)), *(["mean"] if furthest > 1 else [])]
    heads = [f"mean of 1 to {furthest}" if lead == "mean" else ahead_short(lead, found["step"]) for lead in columns]
    rows = [[f"{_of(target)}{title(metric, found['units'])}, over folds", *heads]]
    for forecaster, table in found["over_folds"].items():
        rows.append([f"  {shown_name(forecaster)}", *(_range(table[lead][metric], metric) for lead in columns)])
    return rows


def by_origin(found: Mapping[str, Any], metric: str, leads: Sequence[int], target: str = "") -> list[list[str]]:
    """A row for each fold: the mean over all leads of each forecaster; see `by_lead`."""
    furthest, names = max(leads), list(found["over_folds"])
    of = f", mean of leads 1 to {furthest}" if furthest > 1 else ""
    rows = [[f"{_of(target)}{title(metric, found['units'])}{of}", "rows", *map(shown_name, names)]]
    for fold in found["folds"]:
        first, stop = fold["rows"]
        cells = [
            shown(fold["scores"][name]["mean"][metric] if name in fold["scores"] else None, metric) for name in names
        ]
        rows.append([f"  from {origin(fold)}", f"{stop - first:,}", *cells])
    return rows


def _of(target: str) -> str:
    return f"{target}: " if target else ""


def origin(fold: Mapping[str, Any]) -> str:
    """The first row that a fold's model was not trained on: its time, without what all times share, or its number."""
    if fold["times"] is None:
        return f"row {fold['rows'][0]:,}"
    return str(fold["times"][0]).removesuffix("Z").removesuffix(":00").removesuffix(" 00:00")


def title(metric: str, units: str) -> str:
    """A metric in the head of a table."""
    return "R²" if metric == "r2" else "RMSE" + (f", {units}" if units else "")


def shown_name(forecaster: str) -> str:
    """A forecaster in a table or legend."""
    return forecaster.replace("_", " ") if forecaster in (RETRAINED, KEPT) else baseline_short(forecaster)


def shown(value: Cell, metric: str) -> str:
    """A score for people; ``-`` where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if metric == "r2" else f"{value:.4g}"


def _range(cell: Mapping[str, Cell], metric: str) -> str:
    if cell["median"] is None:
        return "-"
    return f"{shown(cell['median'], metric)} ({shown(cell['lowest'], metric)} to {shown(cell['highest'], metric)})"
