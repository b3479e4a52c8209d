"""From the records of runs to comparison.json: spread, differences, tests, verdict. Nothing is trained here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from minidl.comparison.confounds import confounds, sentence
from minidl.comparison.entries import Entry, facts_of
from minidl.comparison.plan import Plan
from minidl.comparison.protocol import protocol_effects
from minidl.comparison.statistics import Paired, compare_pairs, fewest_pairs, holm, spread
from minidl.comparison.sweep import trade_offs
from minidl.comparison.tasks import Record
from minidl.comparison.tested import METRICS, larger_is_better, tested_metrics
from minidl.comparison.verdict import verdict
from minidl.forecasting import Covariates
from minidl.forecasting.assumptions import FUTURE
from minidl.forecasting.rounding import is_above, rounding_of

ALL_PAIRS_UP_TO = 4
Tested = Mapping[str, str]


def analyse(plan: Plan, records: Sequence[Record], data: Mapping[str, Any]) -> dict[str, Any]:
    """All that comparison.json says.

    Parameters
    ----------
    records : of the plan's runs; those that failed are counted.
    data : the baselines' scores, units and the like, as `describe_baselines` gives them.
    """
    compared = plan.compared()
    differing = confounds(compared)
    by_label = {entry.label: [r for r in records if r["label"] == entry.label] for entry in plan.entries}
    horizons = [str(k) for k in compared[0].config["evaluation"]["horizons"]]
    labels, baselines = [entry.label for entry in compared], data["baselines"]
    scores = [record["scores"] for label in labels for record in by_label[label] if record["status"] == "done"]
    tested = tested_metrics(scores, baselines, horizons)
    rounding = rounding_of([entry.config["dtype"] for entry in compared])
    result: dict[str, Any] = {
        "format": 1,
        "asked": {
            "configs": labels,
            "seeds": plan.seeds,
            "horizons": horizons,
            "tested": tested,
            "rounding": rounding,
            "future_covariates": _way(compared[0]),
        },
        "confounds": {
            "sentence": sentence(differing),
            "differences": [{"what": d.what, "values": dict(d.values)} for d in differing],
        },
        "baselines": baselines,
        "units": data["units"],
        "step": data["step"],
        "assumptions": data.get("assumptions") or {e.label: [FUTURE[_way(e)]] for e in compared},
        "left_out": data.get("left_out") or {},
        "configs": {
            entry.label: describe_config(entry, by_label[entry.label], baselines, tested, rounding)
            for entry in compared
        },
    }
    result["pairs"] = compare_all(labels, by_label, tested, rounding)
    number = sum(len(pair["horizons"]) for pair in result["pairs"])
    result["tests"] = {"number": number, "fewest_seeds": fewest_pairs(max(1, number))}
    result["protocol"] = protocol_effects(compared, by_label, tested)
    result["trade_offs"] = trade_offs(result["configs"], horizons[0], tested[horizons[0]], rounding)
    result["verdict"] = verdict(result)
    return result


def _way(entry: Entry) -> Covariates:
    way: Covariates = entry.config["evaluation"].get("future_covariates", "actual")
    return way


def describe_config(
    entry: Entry, records: Sequence[Record], baselines: Mapping[str, Any], tested: Tested, rounding: float
) -> dict[str, Any]:
    """One config: what it is, what it costs, how its scores lie over seeds."""
    facts = facts_of(entry.experiment())
    done = [record for record in records if record["status"] == "done"]
    broken = [record for record in records if record["status"] != "done"]
    persistence = baselines["persistence"]
    worse = {k: [r["seed"] for r in done if _is_worse(r, persistence, k, rounding)] for k in tested}
    return {
        "point": dict(entry.point),
        "published": entry.config["evaluation"].get("published"),
        "parameters": facts.parameters,
        "multiply_adds": facts.multiply_adds,
        "widths": list(facts.widths),
        "bias": facts.bias,
        "engines": sorted({record["engine"] for record in done}),
        "runs": len(records),
        "broken": [{"seed": r["seed"], "error": r["error"], "status": r["status"]} for r in broken],
        "worse_than_persistence": {k: len(seeds) for k, seeds in worse.items()},
        "failed_to_train": sorted(set.intersection(*(set(seeds) for seeds in worse.values()))),
        "seconds": {"training": summary([record["seconds"]["training"] for record in done])},
        "block": {k: _scores(done, len(broken), "block", k, persistence) for k in tested},
        "lead": {k: _scores(done, len(broken), "lead", k, persistence) for k in persistence["lead"]},
        "median_seed": median_seed(done, tested),
    }


def _is_worse(record: Record, persistence: Mapping[str, Any], horizon: str, rounding: float) -> bool:
    one, other = (scores["block"][horizon]["rmse"] for scores in (record["scores"], persistence))
    return other is not None and is_above(one, other, rounding)


def median_seed(done: Sequence[Record], tested: Tested) -> int | None:
    """The seed with the median score at the first horizon, of runs that gave one; of an even number the worse one."""
    if not done:
        return None
    horizon, metric = next(iter(tested.items()))
    sign = 1 if larger_is_better(metric) else -1
    ordered = sorted(done, key=lambda record: (sign * record["scores"]["block"][horizon][metric], record["seed"]))
    return int(ordered[(len(ordered) - 1) // 2]["seed"])


def _scores(done: Sequence[Record], broken: int, kind: str, key: str, persistence: Mapping[str, Any]) -> dict[str, Any]:
    """Every metric's spread, and skill against persistence: 1 - MSE / MSE of persistence."""
    scores = [record["scores"][kind][key] for record in done]
    reference = persistence[kind][key]["rmse"]
    found: dict[str, Any] = {}
    for metric in METRICS:
        found[metric] = _described([s[metric] for s in scores], broken, metric)
    found["skill"] = _described([skill_against(s["rmse"], reference) for s in scores], broken, "skill")
    return {**found, "seeds": [record["seed"] for record in done]}


def _described(values: Sequence[float | None], broken: int, metric: str) -> dict[str, Any]:
    return {**summary(values, broken=broken, larger=larger_is_better(metric)), "values": list(values)}


def skill_against(rmse: float, reference: float | None) -> float | None:
    """1 - (rmse / reference)²; above 0 is better than the reference. None if that is perfect, or beyond all numbers."""
    return 1 - (rmse / reference) ** 2 if reference else None


def summary(values: Sequence[float | None], *, broken: int = 0, larger: bool = True) -> dict[str, Any]:
    """A spread as JSON values."""
    found = spread([value for value in values if value is not None], broken=broken, larger_is_better=larger)
    return {name: finite(value) for name, value in asdict(found).items()}


def finite(value: Any) -> Any:
    """null for NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def pairs_of(labels: Sequence[str]) -> list[tuple[str, str]]:
    """All pairs of up to four configs; of more, each with the first."""
    if len(labels) <= ALL_PAIRS_UP_TO:
        return list(itertools.combinations(labels, 2))
    return [(labels[0], other) for other in labels[1:]]


def compare_all(
    labels: Sequence[str], by_label: Mapping[str, Sequence[Record]], tested: Tested, rounding: float
) -> list[dict[str, Any]]:
    """Paired differences of each pair at each horizon; the tests of all of them are corrected together."""
    pairs: list[dict[str, Any]] = []
    tests: list[tuple[dict[str, Any], Paired]] = []
    for first, second in pairs_of(labels):
        runs = [{record["seed"]: record for record in by_label[label]} for label in (first, second)]
        seeds = sorted(runs[0].keys() & runs[1].keys())
        broken = [[seed for seed in seeds if of[seed]["status"] != "done"] for of in runs]
        pair: dict[str, Any] = {
            "first": first,
            "second": second,
            "seeds": seeds,
            "broken": {first: broken[0], second: broken[1]},
            "horizons": {},
        }
        for k, metric in tested.items():
            paired = _compare(runs, seeds, k, metric, rounding)
            row = {"metric": metric, "rmse_mean": finite(_compare(runs, seeds, k, "rmse", rounding).mean)}
            pair["horizons"][k] = row
            tests.append((row, paired))
        pairs.append(pair)
    for (row, paired), adjusted in zip(tests, holm([paired.p for _, paired in tests]), strict=True):
        values = paired.as_dict() | {"p_adjusted": adjusted}
        row.update({name: finite(value) for name, value in values.items()})
    return pairs


def _compare(
    runs: Sequence[Mapping[int, Record]], seeds: Sequence[int], horizon: str, metric: str, rounding: float
) -> Paired:
    """One metric of two configs at one horizon; a run that broke has no score."""
    first, second = (
        [of[seed]["scores"]["block"][horizon][metric] if of[seed]["status"] == "done" else math.nan for seed in seeds]
        for of in runs
    )
    return compare_pairs(first, second, larger_is_better=larger_is_better(metric), rounding=rounding)
