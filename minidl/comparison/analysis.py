"""From the records of runs to comparison.json: spread, differences, tests, verdict. Nothing is trained here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from minidl.comparison.both_sources import over_both
from minidl.comparison.confounds import confounds, sentence
from minidl.comparison.entries import Entry, example_of, facts_of
from minidl.comparison.many import all_together
from minidl.comparison.outcomes import outcome
from minidl.comparison.plan import Plan
from minidl.comparison.statistics import Paired, compare_pairs, detectable, fewest_pairs, holm, spread
from minidl.comparison.sweep import trade_offs
from minidl.comparison.tested import sign_of, terms_of, tested_metrics
from minidl.comparison.trials import Record
from minidl.comparison.verdict import verdict
from minidl.forecasting.rounding import is_above, rounding_of
from minidl.metrics import Metric
from minidl.tasks.protocols import Scored
from minidl.tasks.terms import SKILL, Terms

ALL_PAIRS_UP_TO = 4
Tested = Mapping[str, str]


def analyse(plan: Plan, records: Sequence[Record], data: Mapping[str, Any]) -> dict[str, Any]:
    """All that comparison.json says.

    Parameters
    ----------
    records : of the plan's runs; those that failed are counted.
    data : the baselines' scores, facts and the like, as `describe_baselines` gives them.
    """
    compared = plan.compared()
    terms, differing = terms_of(compared[0].config), confounds(compared)
    by_label = {entry.label: [r for r in records if r["label"] == entry.label] for entry in plan.entries}
    labels, baselines = [entry.label for entry in compared], data["baselines"]
    scores = [record["scores"] for label in labels for record in by_label[label] if record["status"] == "done"]
    tested = tested_metrics(terms, scores, baselines)
    rounding = rounding_of([entry.config["dtype"] for entry in compared])
    result: dict[str, Any] = {
        "format": 2,
        "asked": {
            "configs": labels,
            "seeds": plan.seeds,
            "task": compared[0].config["evaluation"],
            "example": example_of(compared[0]),
            "rows": list(tested),
            "tested": tested,
            "rounding": rounding,
            "smallest": plan.smallest,
        },
        "confounds": {
            "sentence": sentence(differing),
            "differences": [{"what": d.what, "values": dict(d.values)} for d in differing],
        },
        **{key: data[key] for key in ("baselines", "facts", "assumptions", "left_out")},
        "configs": {
            entry.label: describe_config(entry, by_label[entry.label], baselines, tested, rounding)
            for entry in compared
        },
    }
    outside = {name: _outside(baselines[name], sums, plan.seeds) for name, sums in data.get("outside", {}).items()}
    asked = [*pairs_of(labels), *itertools.product(outside, labels)]
    result["pairs"] = compare_all(asked, by_label | outside, terms, tested, rounding)
    result["tests"] = _judged(result["pairs"], terms, plan.smallest)
    configs = {entry.label: entry.config for entry in compared}
    result |= terms.more_from_records(by_label, configs, tested, data.get("targets", {}))
    first, metric = next(iter(tested.items()))
    result["together"] = _together(labels, by_label, terms, tested, rounding) if len(labels) > 2 else None
    result["trade_offs"] = trade_offs(result["configs"], (terms.task.table, first), terms.metric(metric), rounding)
    result["verdict"] = verdict(result)
    return result


def _judged(pairs: Sequence[Mapping[str, Any]], terms: Terms, smallest: float | None) -> dict[str, int]:
    """Add to each row of the pairs what could be found, and what was; say how many tests there are."""
    rows = [row for pair in pairs for row in pair["rows"].values()]
    for row in rows:
        row["detectable"] = finite(detectable(row["survivors"], row["std"] or math.nan, tests=len(rows)))
        row["outcome"] = outcome(row, smallest if row["metric"] == terms.leading.name else None)
    return {"number": len(rows), "fewest_seeds": fewest_pairs(max(1, len(rows)))}


def describe_config(
    entry: Entry, records: Sequence[Record], baselines: Mapping[str, Any], tested: Tested, rounding: float
) -> dict[str, Any]:
    """One config: what it is, what it costs, how its scores lie over seeds."""
    facts, terms = facts_of(entry.experiment()), terms_of(entry.config)
    done = [record for record in records if record["status"] == "done"]
    broken = [record for record in records if record["status"] != "done"]
    task, reference = terms.task, baselines[terms.task.reference]
    worse = {row: [r["seed"] for r in done if _is_worse(r, reference, row, terms, rounding)] for row in tested}
    return {
        "point": dict(entry.point),
        "loss": entry.config["loss"],
        "published": _published(task),
        "parameters": facts.parameters,
        "multiply_adds": facts.multiply_adds,
        "widths": list(facts.widths),
        "bias": facts.bias,
        "engines": sorted({record["engine"] for record in done}),
        "runs": len(records),
        "broken": [{"seed": r["seed"], "error": r["error"], "status": r["status"]} for r in broken],
        "worse_than_reference": {row: len(seeds) for row, seeds in worse.items()},
        "failed_to_train": sorted(set.intersection(*(set(seeds) for seeds in worse.values()))),
        "seconds": {"training": summary([record["seconds"]["training"] for record in done])},
        **{
            table: {
                row: _scores(done, len(broken), (table, row), reference, terms, tested.get(row))
                for row in terms.rows_of(table)
            }
            for table in task.tables
        },
        "median_seed": median_seed(done, terms, tested),
    }


def _published(task: Scored) -> dict[str, Any] | None:
    """Numbers from elsewhere, by metric, with their source."""
    found = {metric.name: task.beside(metric.name) for metric in task.metrics}
    known = {name: beside for name, beside in found.items() if beside is not None}
    if not known:
        return None
    source = next(iter(known.values()))[0]
    return {"source": source, **{name: list(numbers) for name, (_, numbers) in known.items()}}


def _is_worse(record: Record, reference: Mapping[str, Any], row: str, terms: Terms, rounding: float) -> bool:
    sign, table, name = sign_of(terms.measure), terms.task.table, terms.measure.name
    mine, other = (scores[table][row][name] for scores in (record["scores"], reference))
    return None not in (mine, other) and is_above(sign * other, sign * mine, rounding)


def median_seed(done: Sequence[Record], terms: Terms, tested: Tested) -> int | None:
    """The seed with the median score in the first row, of runs that gave one; of an even number the worse one."""
    row, metric = next(iter(tested.items()))
    sign, table = sign_of(terms.metric(metric)), terms.task.table
    known = [record for record in done if record["scores"][table][row][metric] is not None]
    if not known:
        return None
    ordered = sorted(known, key=lambda record: (sign * record["scores"][table][row][metric], record["seed"]))
    return int(ordered[(len(ordered) - 1) // 2]["seed"])


def _scores(
    done: Sequence[Record],
    broken: int,
    place: tuple[str, str],
    reference: Mapping[str, Any],
    terms: Terms,
    tested: str | None,
) -> dict[str, Any]:
    """Every metric's spread in a table's row, and that of skill.

    The metric that is tested has a value somewhere: a run for which it is undefined counts as one that broke.
    """
    table, row = place
    scores = [record["scores"][table][row] for record in done]
    found: dict[str, Any] = {}
    for metric in terms.task.metrics:
        values = [s[metric.name] for s in scores]
        undefined = values.count(None) if metric.name == tested and table == terms.task.table else 0
        found[metric.name] = _described(values, broken + undefined, metric)
    found[SKILL.name] = _described([terms.skill(s, reference[table][row]) for s in scores], broken, SKILL)
    return {**found, "seeds": [record["seed"] for record in done]}


def _described(values: Sequence[float | None], broken: int, metric: Metric) -> dict[str, Any]:
    return {**summary(values, broken=broken, larger=metric.larger_is_better), "values": list(values)}


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


def _outside(scores: Mapping[str, Any], stretches: Mapping[str, Any], seeds: int) -> list[Record]:
    """Forecasts of another program as records: they are the same whatever a config's seed is."""
    return [{"seed": seed, "status": "done", "scores": scores, "stretches": stretches} for seed in range(seeds)]


def compare_all(
    asked: Sequence[tuple[str, str]],
    by_label: Mapping[str, Sequence[Record]],
    terms: Terms,
    tested: Tested,
    rounding: float,
) -> list[dict[str, Any]]:
    """Paired differences of each pair in each row; the tests of all of them are corrected together.

    Beside them, under ``both``, what `over_both` says of the mean difference; None if it says nothing.
    """
    pairs: list[dict[str, Any]] = []
    tests: list[tuple[dict[str, Any], Paired]] = []
    for first, second in asked:
        runs = [{record["seed"]: record for record in by_label[label]} for label in (first, second)]
        seeds = sorted(runs[0].keys() & runs[1].keys())
        broken = [[seed for seed in seeds if of[seed]["status"] != "done"] for of in runs]
        pair: dict[str, Any] = {
            "first": first,
            "second": second,
            "seeds": seeds,
            "broken": {first: broken[0], second: broken[1]},
            "rows": {},
        }
        for key, name in tested.items():
            paired = _compare(runs, seeds, (terms.task.table, key), terms.metric(name), rounding)
            both = _over_both(runs, seeds, key, terms.metric(name), paired, rounding)
            pair["rows"][key] = {"metric": name, "both": both}
            tests.append((pair["rows"][key], paired))
        pairs.append(pair)
    for (row, paired), adjusted in zip(tests, holm([paired.p for _, paired in tests]), strict=True):
        values = paired.as_dict() | {"p_adjusted": adjusted}
        row.update({name: finite(value) for name, value in values.items()})
    return pairs


def _compare(
    runs: Sequence[Mapping[int, Record]], seeds: Sequence[int], place: tuple[str, str], metric: Metric, rounding: float
) -> Paired:
    """One metric of two configs in one row of a table; a run that broke has no score."""
    table, row = place
    first, second = (
        [of[s]["scores"][table][row][metric.name] if of[s]["status"] == "done" else math.nan for s in seeds]
        for of in runs
    )
    return compare_pairs(first, second, larger_is_better=metric.larger_is_better, rounding=rounding)


def _over_both(
    runs: Sequence[Mapping[int, Record]],
    seeds: Sequence[int],
    row: str,
    metric: Metric,
    paired: Paired,
    rounding: float,
) -> dict[str, Any] | None:
    """The interval over seeds and test part, if all runs gave a score and say of which sums it is.

    It is 0 where the sums are the same but for rounding; that the scores are is not enough, as stretches may differ.
    """
    if paired.survivors < paired.n or metric.of_sums is None:
        return None
    sums = [[of[seed]["stretches"].get(row, {}).get(metric.name) for seed in seeds] for of in runs]
    shapes = {np.shape(one) for one in itertools.chain(*sums)}
    if len(shapes) != 1 or None in itertools.chain(*sums):
        return None
    first, second = map(np.array, sums)
    same = np.abs(second - first) <= rounding * np.maximum(np.abs(first), np.abs(second))
    found = over_both(first, second, metric.of_sums, none=bool(same.all()))
    return None if found is None else {name: finite(value) for name, value in asdict(found).items()}


def _together(
    labels: Sequence[str], by_label: Mapping[str, Sequence[Record]], terms: Terms, tested: Tested, rounding: float
) -> Any:
    """Three configs and more, over the seeds that all of them have; a run that broke has none."""
    runs = {label: {record["seed"]: record for record in by_label[label]} for label in labels}
    seeds, table = sorted(set.intersection(*(set(of) for of in runs.values()))), terms.task.table
    if not seeds:
        return None
    signs = {row: sign_of(terms.metric(name)) for row, name in tested.items()}
    scores = {
        row: {
            label: [of[s]["scores"][table][row][name] if of[s]["status"] == "done" else math.nan for s in seeds]
            for label, of in runs.items()
        }
        for row, name in tested.items()
    }
    return all_together(scores, signs, rounding)
