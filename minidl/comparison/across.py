"""Finished comparisons of the same contenders, each on another task or series: ranks, wins and skill over all of them.

A contender is the k-th config of every comparison. Nothing is trained; only comparison.json of each folder is read.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.comparison.folder import MAX_FILE, RESULT
from minidl.comparison.sign_flips import LEVEL, SEED, sign_flips
from minidl.comparison.tested import metric_at, scores_of, sign_of
from minidl.core.errors import ConfigError, CorruptFileError
from minidl.core.text import listed, number, p_words, printable, signed
from minidl.files.reading import decode_json, read_inside, real_folder

Values = npt.NDArray[np.float64]
Result = Mapping[str, Any]
FORMAT, DRAWN = 2, 2000


def across(folders: Sequence[Path]) -> dict[str, Any]:
    """What the comparisons in these folders say together.

    Returns
    -------
    contenders : by name ``rank`` (1 is the best; the mean over seeds, then over tasks), ``skill`` (mean over seeds,
        then over tasks) and ``wins`` against all others, each with ``value``, ``low`` and ``high``.
    pairs : of each two ``wins`` of the second, ``skill`` (second - first), in how many ``tasks`` the second's mean
        skill is higher, and over the tasks the permutation test of the skill: ``p``, ``low``, ``high``.
    tasks : by folder, its ``name`` (the words that its configs share), its configs, what is scored, and of its seeds
        alone what ``contenders`` has of all tasks.

    Raises
    ------
    ConfigError
        Fewer than two folders, one that is no finished comparison, or contenders that do not match.
    CorruptFileError
        A comparison.json is damaged.
    """
    if len({path.resolve() for path in folders}) < 2 or len(set(folders)) < len(folders):
        raise ConfigError("--across: expected the folders of two or more finished comparisons, each once.")
    results = {str(path): _read(path) for path in folders}
    names = contenders(list(results), [list(result["configs"]) for result in results.values()])
    tables = [_checked(path, result) for path, result in results.items()]
    drawn = _drawn(tables)
    return {
        "tasks": {
            path: {**_about(path, result), "contenders": _intervals(names, _drawn([table]))}
            for (path, result), table in zip(results.items(), tables, strict=True)
        },
        "contenders": _intervals(names, drawn),
        "pairs": [
            _pair(names, i, j, drawn["against"], drawn["skill"], tables)
            for i, j in itertools.combinations(range(len(names)), 2)
        ],
    }


def _read(path: Path) -> Result:
    folder = real_folder(path)
    if not (folder / RESULT).is_file():
        raise ConfigError(f"{printable(path)}: no finished comparison (it has no {RESULT}).")
    found = decode_json(read_inside(folder, RESULT, MAX_FILE), dict[str, Any], folder / RESULT)
    if found.get("format") != FORMAT:
        raise CorruptFileError(f"{printable(path)}/{RESULT}: expected format {FORMAT}.")
    if not isinstance(found.get("configs"), dict):
        raise CorruptFileError(f"{printable(path)}/{RESULT}: damaged: it has no configs.")
    return found


def _checked(path: str, result: Result) -> tuple[Values, Values]:
    try:
        return _scores(result)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration) as err:
        raise CorruptFileError(
            f"{printable(path)}/{RESULT}: damaged: its scores are not those of a comparison."
        ) from err


def contenders(folders: Sequence[str], labels: Sequence[Sequence[str]]) -> list[str]:
    """The names of what is compared: the words of labels that the k-th configs of all comparisons share.

    Raises
    ------
    ConfigError
        They are not as many in each, or the k-th have no word of their own in common.
    """
    for folder, some in zip(folders, labels, strict=True):
        if len(some) != len(labels[0]):
            raise ConfigError(
                f"--across: {printable(folders[0])} has {len(labels[0])} configs and {printable(folder)} {len(some)}; "
                "expected as many in each, in the same order."
            )
    names = []
    for same in zip(*labels, strict=True):
        names.append(_shared(same))
    for name, same in zip(names, zip(*labels, strict=True), strict=True):
        if not name or names.count(name) > 1:
            raise ConfigError(
                f"--across: {listed(same)} stand in the same place, and share no word that others do not; "
                "give the configs of each comparison in the same order, with names such as air_deep and echo_deep."
            )
    return names


def _about(path: str, result: Result) -> dict[str, Any]:
    row, configs = result["asked"]["rows"][0], list(result["configs"])
    name = _shared(configs) if len(configs) > 1 else ""
    return {"name": name or Path(path).name, "configs": configs, "row": row, "metric": metric_at(result, row).words}


def _shared(labels: Sequence[str]) -> str:
    words = [re.split(r"[_-]", label) for label in labels]
    return "_".join(word for word in words[0] if all(word in others for others in words))


def _scores(result: Result) -> tuple[Values, Values]:
    """Of the first row, (seeds, configs): scores, the larger the better, of broken runs infinitely bad; skill."""
    row = result["asked"]["rows"][0]
    metric, columns = metric_at(result, row), []
    for label, config in result["configs"].items():
        found = scores_of(result, label)[row]
        done = dict(
            zip(found["seeds"], zip(found[metric.name]["values"], found["skill"]["values"], strict=True), strict=True)
        )
        broken = {item["seed"]: (None, None) for item in config["broken"]}
        columns.append({**done, **broken})
    seeds = sorted(set.intersection(*map(set, columns)))
    both = np.array([[column[seed] for column in columns] for seed in seeds], np.float64)
    scores = np.where(np.isfinite(both[..., 0]), sign_of(metric) * both[..., 0], -math.inf)
    if not len(scores):
        raise ValueError("no seed is common")
    return scores, both[..., 1]


def _drawn(tables: Sequence[tuple[Values, Values]]) -> dict[str, Values]:
    """Statistics of the seeds as they are (first) and of seeds drawn anew within each task: (1 + draws, configs)."""
    rng, parts = np.random.default_rng(SEED), []
    for scores, skill in tables:
        n, m = scores.shape
        counts = np.concatenate([np.ones((1, n)), rng.multinomial(n, np.full(n, 1 / n), DRAWN)])
        above = (scores[:, :, None] > scores[:, None]) + 0.5 * (scores[:, :, None] == scores[:, None])
        against = (counts @ above.reshape(n, m * m)).reshape(-1, m, m) / n  # how often i is better than j
        known = np.isfinite(skill)
        with np.errstate(invalid="ignore"):  # draws without a run that gave a score
            parts.append((against, against.sum(axis=2) - 0.5, (counts @ np.where(known, skill, 0)) / (counts @ known)))
    against, others, skill = (np.mean([part[k] for part in parts], axis=0) for k in range(3))
    m = others.shape[1]
    return {"rank": m - others, "wins": others / max(m - 1, 1), "skill": skill, "against": against}


def _intervals(names: Sequence[str], drawn: Mapping[str, Values]) -> dict[str, Any]:
    shown = {what: values for what, values in drawn.items() if what != "against"}
    return {name: {what: _interval(values[:, k]) for what, values in shown.items()} for k, name in enumerate(names)}


def _interval(values: Values) -> dict[str, float | None]:
    """The first value, and the 95 % percentile interval of the rest; None where a draw has no run that gave a score."""
    if not np.isfinite(values[0]):
        return {"value": None, "low": None, "high": None}
    low, high = (float(q) for q in np.quantile(values[1:], [LEVEL / 2, 1 - LEVEL / 2]))
    return {
        "value": float(values[0]),
        **{k: v if math.isfinite(v) else None for k, v in (("low", low), ("high", high))},
    }


def _pair(
    names: Sequence[str], i: int, j: int, against: Values, skill: Values, tables: Sequence[tuple[Values, Values]]
) -> dict[str, Any]:
    d = np.array([_mean_skill(one, j) - _mean_skill(one, i) for _, one in tables])
    d = d[np.isfinite(d)]
    found = sign_flips(d)
    ends = {k: v if math.isfinite(v) else None for k, v in (("low", found.low), ("high", found.high))}
    return {
        "first": names[i],
        "second": names[j],
        "wins": _interval(against[:, j, i]),
        "skill": _interval(skill[:, j] - skill[:, i]),
        "tasks": {"better": int(np.count_nonzero(d > 0)), "of": len(d), "p": found.p, **ends},
    }


def _mean_skill(skill: Values, k: int) -> float:
    known = skill[np.isfinite(skill[:, k]), k]
    return float(known.mean()) if len(known) else math.nan


def across_table(found: Mapping[str, Any]) -> list[list[str]]:
    """One row a contender, the best mean rank first."""
    head = ["", "mean rank", "wins, %", "skill"]
    rows = [(name, found["contenders"][name]) for name in by_rank(found)]
    return [
        head,
        *([name, words(c["rank"], 2), words(c["wins"], 0, 100), words(c["skill"], 3)] for name, c in rows),
    ]


def by_rank(found: Mapping[str, Any]) -> list[str]:
    """The contenders, the best mean rank first."""
    return sorted(found["contenders"], key=lambda name: found["contenders"][name]["rank"]["value"])


def across_lines(found: Mapping[str, Any]) -> list[str]:
    """Of each pair a sentence, and what the intervals are of."""
    lines = []
    for pair in found["pairs"]:
        tasks, skill = pair["tasks"], pair["skill"]
        between = "-" if skill["low"] is None else f"{signed(skill['low'])} to {signed(skill['high'])}"
        known = skill["value"] is not None
        of = f"skill {signed(skill['value'])} ({between})" if known else "not every task gave skill for both"
        lines.append(
            f"{pair['second']} against {pair['first']}: better in {tasks['better']} of {tasks['of']} tasks "
            f"(permutation test over tasks, p {p_words(tasks['p'])}); wins {words(pair['wins'], 0, 100)} % of seeds; "
            f"{of}"
        )
    return [
        *lines,
        "Intervals (95 %) are of other seeds on these tasks; only the test over tasks is about other tasks like them.",
    ]


def words(found: Mapping[str, float | None], digits: int, times: int = 1) -> str:
    """``0.123 (0.1 to 0.2)``: a value and its interval; dashes where there is none."""
    value, low, high = (number(None if v is None else times * v, digits) for v in found.values())
    return f"{value} ({low} to {high})"
