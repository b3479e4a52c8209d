"""From the records of runs to comparison.json: spread, differences, tests, verdict. Nothing is trained here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.comparison.confounds import confounds, sentence
from minidl.comparison.entries import Entry, facts_of
from minidl.comparison.plan import Plan
from minidl.comparison.protocol import protocol_effects
from minidl.comparison.statistics import Paired, compare_pairs, fewest_pairs, holm, spread
from minidl.comparison.sweep import trade_offs
from minidl.comparison.tasks import Record
from minidl.comparison.verdict import verdict
from minidl.forecasting import Covariates
from minidl.forecasting.assumptions import FUTURE

METRICS = ("r2", "rmse", "mae", "loss")
TESTED = "r2"  # what the paired test compares; for one test part R² and RMSE order runs alike
ALL_PAIRS_UP_TO = 4


def analyse(plan: Plan, records: Sequence[Record], data: Mapping[str, Any]) -> dict[str, Any]:
    """All that comparison.json says.

    Parameters
    ----------
    records : of the plan's runs; those that failed are counted.
    data : the baselines' scores, units and the like, as `describe_baselines` gives them.
    """
    compared = plan.compared()
    differences = confounds(compared)
    by_label = {entry.label: [r for r in records if r["label"] == entry.label] for entry in plan.entries}
    horizons = [str(k) for k in compared[0].config["evaluation"]["horizons"]]
    result: dict[str, Any] = {
        "format": 1,
        "asked": {
            "configs": [entry.label for entry in compared],
            "seeds": plan.seeds,
            "horizons": horizons,
            "tested": TESTED,
            "future_covariates": _way(compared[0]),
        },
        "confounds": {
            "sentence": sentence(differences),
            "differences": [{"what": d.what, "values": dict(d.values)} for d in differences],
        },
        "baselines": data["baselines"],
        "units": data["units"],
        "step": data["step"],
        "assumptions": data.get("assumptions") or {e.label: [FUTURE[_way(e)]] for e in compared},
        "left_out": data.get("left_out") or {},
        "configs": {
            entry.label: describe_config(entry, by_label[entry.label], data["baselines"], horizons)
            for entry in compared
        },
    }
    result["pairs"] = compare_all([entry.label for entry in compared], by_label, horizons)
    result["tests"] = {
        "number": sum(len(pair["horizons"]) for pair in result["pairs"]),
        "fewest_seeds": fewest_pairs(max(1, sum(len(pair["horizons"]) for pair in result["pairs"]))),
    }
    result["protocol"] = protocol_effects(compared, by_label, horizons)
    result["trade_offs"] = trade_offs(result["configs"], horizons[0])
    result["verdict"] = verdict(result)
    return result


def _way(entry: Entry) -> Covariates:
    way: Covariates = entry.config["evaluation"].get("future_covariates", "actual")
    return way


def describe_config(
    entry: Entry, records: Sequence[Record], baselines: Mapping[str, Any], horizons: Sequence[str]
) -> dict[str, Any]:
    """One config: what it is, what it costs, how its scores lie over seeds."""
    facts = facts_of(entry.experiment())
    done = [record for record in records if record["status"] == "done" and is_whole(record)]
    failed = [record for record in records if record not in done]
    persistence = baselines["persistence"]
    worse = {
        k: sum(record["scores"]["block"][k]["rmse"] > persistence["block"][k]["rmse"] for record in done)
        for k in horizons
    }
    collapsed = [
        record["seed"]
        for record in done
        if all(record["scores"]["block"][k]["rmse"] > persistence["block"][k]["rmse"] for k in horizons)
    ]
    return {
        "point": dict(entry.point),
        "published": entry.config["evaluation"].get("published"),
        "parameters": facts.parameters,
        "multiply_adds": facts.multiply_adds,
        "widths": list(facts.widths),
        "bias": facts.bias,
        "engines": sorted({record["engine"] for record in done}),
        "runs": len(records),
        "broken": [{"seed": record["seed"], "error": record["error"]} for record in failed],
        "worse_than_persistence": worse,
        "failed_to_train": collapsed,
        "seconds": {"training": summary([record["seconds"]["training"] for record in done])},
        "block": {k: _scores(done, "block", k, persistence) for k in horizons},
        "lead": {k: _scores(done, "lead", k, persistence) for k in persistence["lead"]},
        "median_seed": median_seed(done, horizons),
    }


def is_whole(record: Record) -> bool:
    """Whether all scores of a run are numbers."""
    blocks = record["scores"]["block"].values()
    return all(value is not None for scores in blocks for value in scores.values())


def median_seed(done: Sequence[Record], horizons: Sequence[str]) -> int | None:
    """The seed with the median R² at the first horizon; of an even number the lower of the middle two."""
    if not done:
        return None
    ordered = sorted(done, key=lambda record: (record["scores"]["block"][horizons[0]][TESTED], record["seed"]))
    return int(ordered[(len(ordered) - 1) // 2]["seed"])


def _scores(done: Sequence[Record], kind: str, key: str, persistence: Mapping[str, Any]) -> dict[str, Any]:
    """Every metric's spread, and skill against persistence: 1 - MSE / MSE of persistence."""
    scores = [record["scores"][kind][key] for record in done]
    reference = persistence[kind][key]["rmse"]
    found: dict[str, Any] = {}
    for metric in METRICS:
        values = [s[metric] for s in scores]
        found[metric] = {**summary(values), "values": values}
    skill = [skill_against(s["rmse"], reference) for s in scores]
    return {**found, "skill": {**summary(skill), "values": skill}, "seeds": [record["seed"] for record in done]}


def skill_against(rmse: float, reference: float) -> float | None:
    """1 - (rmse / reference)²; above 0 is better than the reference. None if the reference is perfect."""
    return 1 - (rmse / reference) ** 2 if reference > 0 else None


def summary(values: Sequence[float | None]) -> dict[str, Any]:
    """A spread as JSON values."""
    found = spread([value for value in values if value is not None])
    return {name: finite(value) for name, value in vars(found).items()}


def finite(value: Any) -> Any:
    """null for NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def pairs_of(labels: Sequence[str]) -> list[tuple[str, str]]:
    """All pairs of up to four configs; of more, each with the first."""
    if len(labels) <= ALL_PAIRS_UP_TO:
        return list(itertools.combinations(labels, 2))
    return [(labels[0], other) for other in labels[1:]]


def compare_all(
    labels: Sequence[str], by_label: Mapping[str, Sequence[Record]], horizons: Sequence[str]
) -> list[dict[str, Any]]:
    """Paired differences of each pair at each horizon; the tests of all of them are corrected together."""
    pairs: list[dict[str, Any]] = []
    tests: list[tuple[dict[str, Any], Paired]] = []
    for first, second in pairs_of(labels):
        scored = [
            {r["seed"]: r for r in by_label[label] if r["status"] == "done" and is_whole(r)}
            for label in (first, second)
        ]
        seeds = sorted(scored[0].keys() & scored[1].keys())
        pair: dict[str, Any] = {"first": first, "second": second, "seeds": seeds, "horizons": {}}
        for k in horizons:
            values = {
                metric: [[runs[seed]["scores"]["block"][k][metric] for seed in seeds] for runs in scored]
                for metric in METRICS
            }
            paired = compare_pairs(*values[TESTED])
            d = (np.array(values[TESTED][1]) - np.array(values[TESTED][0])).tolist()
            rmse = np.array(values["rmse"][1]) - np.array(values["rmse"][0])
            row = {"differences": d, "rmse_mean": finite(float(rmse.mean()) if len(rmse) else math.nan)}
            pair["horizons"][k] = row
            tests.append((row, paired))
        pairs.append(pair)
    for (row, paired), adjusted in zip(tests, holm([paired.p for _, paired in tests]), strict=True):
        values = paired.as_dict() | {"p_adjusted": adjusted}
        row.update({name: finite(value) for name, value in values.items()})
    return pairs
