"""Finished comparisons of the same contenders, each on another task or series: ranks, wins and skill over all of them.

A contender is the k-th config of every comparison. Nothing is trained; only comparison.json of each folder is read.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.comparison.folder import MAX_FILE, RESULT
from minidl.comparison.sign_flips import sign_flips
from minidl.comparison.statistics import holm, need_scipy
from minidl.comparison.tables import with_interval
from minidl.comparison.task_means import mean_of_means
from minidl.comparison.tested import metric_at, scores_of, sign_of
from minidl.core.errors import ConfigError, CorruptFileError
from minidl.core.text import listed, p_words, printable, signed
from minidl.files.reading import decode_json, read_inside, real_folder
from minidl.forecasting.rounding import differences

Values = npt.NDArray[np.float64]
Result = Mapping[str, Any]
FORMAT = 2


@dataclass(frozen=True)
class SeedBySeed:
    """What one comparison says, seed by seed.

    Parameters
    ----------
    above : (seeds, i, j), whether config i is better than j: 1, or 0, or 0.5 for ties.
    skill : (seeds, configs), NaN where a run gave none.
    rounding : relative size of differences that count as none.
    """

    above: Values
    skill: Values
    rounding: float


def across(folders: Sequence[Path]) -> dict[str, Any]:
    """What the comparisons in these folders say together.

    Returns
    -------
    contenders : by name ``rank`` (1 is the best; the mean over seeds, then over tasks), ``skill`` (mean over seeds,
        then over tasks) and ``wins`` against all others, each with ``value``, ``low`` and ``high``.
    pairs : of each two ``wins`` of the second, ``skill`` (second - first, of the seeds that gave both), in how many
        ``tasks`` the second's is higher in the mean, and over the tasks the permutation test of that: ``p``, ``low``,
        ``high``, and ``p_adjusted``, corrected over all pairs (Holm).
    tasks : by folder, its ``name`` (the words that its configs share), its configs, what is scored, and of its seeds
        alone what ``contenders`` has of all tasks.

    Raises
    ------
    ConfigError
        Fewer than two folders, one that is no finished comparison, or contenders that do not match.
    CorruptFileError
        A comparison.json is damaged.
    """
    need_scipy()
    if len({path.resolve() for path in folders}) < 2 or len(set(folders)) < len(folders):
        raise ConfigError("--across: expected the folders of two or more finished comparisons, each once.")
    results = {str(path): _read(path) for path in folders}
    names = contenders(list(results), [list(result["configs"]) for result in results.values()])
    tasks = [_checked(path, result) for path, result in results.items()]
    return {
        "tasks": {
            path: {**_about(path, result), "contenders": _of_contenders(names, [of])}
            for (path, result), of in zip(results.items(), tasks, strict=True)
        },
        "contenders": _of_contenders(names, tasks),
        "pairs": _pairs(names, tasks),
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


def _checked(path: str, result: Result) -> SeedBySeed:
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


def _scores(result: Result) -> SeedBySeed:
    """Of the first row and the seeds that all configs have: who is better; skill."""
    row = result["asked"]["rows"][0]
    metric, rounding, columns = metric_at(result, row), float(result["asked"]["rounding"]), []
    for label, config in result["configs"].items():
        found = scores_of(result, label)[row]
        done = dict(
            zip(found["seeds"], zip(found[metric.name]["values"], found["skill"]["values"], strict=True), strict=True)
        )
        broken = {item["seed"]: (None, None) for item in config["broken"]}
        columns.append({**done, **broken})
    seeds = sorted(set.intersection(*map(set, columns)))
    both = np.array([[column[seed] for column in columns] for seed in seeds], np.float64)
    if not len(both):
        raise ValueError("no seed is common")
    return SeedBySeed(_above(sign_of(metric) * both[..., 0], rounding), both[..., 1], rounding)


def _above(scores: Values, rounding: float) -> Values:
    """How often config i is better than j, (seeds, i, j): 1, or 0, or 0.5 for ties; one that broke is the worst.

    Parameters
    ----------
    scores : (seeds, configs), the larger the better.
    """
    n, m = scores.shape
    above = np.full((n, m, m), 0.5)
    for i, j in itertools.combinations(range(m), 2):
        one, other = scores[:, i], scores[:, j]
        whole = np.isfinite(one) & np.isfinite(other)
        gain = np.isfinite(other) * 1.0 - np.isfinite(one)
        gain[whole] = np.sign(differences(one[whole], other[whole], rounding))
        above[:, j, i], above[:, i, j] = 0.5 + 0.5 * gain, 0.5 - 0.5 * gain
    return above


def _of_contenders(names: Sequence[str], tasks: Sequence[SeedBySeed]) -> dict[str, Any]:
    """Rank, wins and skill of each over these tasks."""
    found, m = {}, len(names)
    for k, name in enumerate(names):
        others = [of.above[:, k].sum(axis=1) - 0.5 for of in tasks]  # without itself
        wins = mean_of_means([one / max(m - 1, 1) for one in others], shares=True)
        skill = mean_of_means([of.skill[np.isfinite(of.skill[:, k]), k] for of in tasks])
        found[name] = {"rank": _rank(wins, m), "wins": wins, "skill": skill}
    return found


def _rank(wins: Mapping[str, float | None], m: int) -> dict[str, float | None]:
    """Within a seed 1 is the best, and each that is better than it adds 1, a tie 0.5."""
    value, low, high = (None if share is None else 1 + (m - 1) * (1 - share) for share in wins.values())
    return {"value": value, "low": high, "high": low}


def _pairs(names: Sequence[str], tasks: Sequence[SeedBySeed]) -> list[dict[str, Any]]:
    """Each two; the tests of all of them are corrected together."""
    pairs = [_pair(names, i, j, tasks) for i, j in itertools.combinations(range(len(names)), 2)]
    for pair, adjusted in zip(pairs, holm([pair["tasks"]["p"] for pair in pairs]), strict=True):
        pair["tasks"]["p_adjusted"] = adjusted
    return pairs


def _pair(names: Sequence[str], i: int, j: int, tasks: Sequence[SeedBySeed]) -> dict[str, Any]:
    by_task = [_gains(of, i, j) for of in tasks]
    d = np.array([one.mean() for one in by_task if len(one)])
    found = sign_flips(d)
    ends = {k: v if math.isfinite(v) else None for k, v in (("low", found.low), ("high", found.high))}
    return {
        "first": names[i],
        "second": names[j],
        "wins": mean_of_means([of.above[:, j, i] for of in tasks], shares=True),
        "skill": mean_of_means(by_task),
        "tasks": {"better": int(np.count_nonzero(d > 0)), "of": len(d), "p": found.p, **ends},
    }


def _gains(of: SeedBySeed, i: int, j: int) -> Values:
    """Skill of j - that of i, of the seeds that gave both."""
    left = 1 - of.skill[np.isfinite(of.skill[:, [i, j]]).all(axis=1)]  # 0 is perfect; rounding is relative to it
    return differences(left[:, j], left[:, i], of.rounding)


def across_table(found: Mapping[str, Any]) -> list[list[str]]:
    """One row a contender, the best mean rank first."""
    head = ["", "mean rank", "wins, %", "skill"]
    rows = [[name, *_shown(found["contenders"][name])] for name in by_rank(found)]
    return [head, *rows]


def _shown(of: Mapping[str, Any]) -> list[str]:
    return [with_interval(of["rank"], 2), with_interval(of["wins"], 0, 100), with_interval(of["skill"], 3)]


def by_rank(found: Mapping[str, Any]) -> list[str]:
    """The contenders, the best mean rank first."""
    return sorted(found["contenders"], key=lambda name: found["contenders"][name]["rank"]["value"])


def across_lines(found: Mapping[str, Any]) -> list[str]:
    """Of each pair a sentence, and what the intervals are of."""
    lines = []
    for pair in found["pairs"]:
        tasks, skill = pair["tasks"], pair["skill"]
        between = "" if skill["low"] is None else f" ({signed(skill['low'])} to {signed(skill['high'])})"
        known = skill["value"] is not None
        of = f"skill {signed(skill['value'])}{between}" if known else "not every task gave skill for both"
        lines.append(
            f"{pair['second']} against {pair['first']}: better in {tasks['better']} of {tasks['of']} tasks "
            f"(permutation test over tasks, p {p_words(tasks['p'])}{corrected(found, pair)}); "
            f"wins {with_interval(pair['wins'], 0, 100)} % of seeds; {of}"
        )
    return [
        *lines,
        "Intervals (95 %) are of other seeds on these tasks; only the test over tasks is about other tasks like them.",
    ]


def corrected(found: Mapping[str, Any], pair: Mapping[str, Any]) -> str:
    """``, corrected p = 0.03``, after the p of one of several pairs."""
    return f", corrected p {p_words(pair['tasks']['p_adjusted'])}" if len(found["pairs"]) > 1 else ""
