"""What a comparison computes: its runs, what decides their results, and which plans are refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_up import CONFIG

from minidl.comparison.entries import Entry
from minidl.comparison.plan import (
    MAX_LABEL,
    MAX_RUNS,
    MAX_SEEDS,
    SEEDS_BESIDE,
    Plan,
    check_configs,
    check_plan,
    encode,
    sha256,
)
from minidl.core.errors import ConfigError, CorruptFileError
from minidl.parallel.plugins import Plugin

FACTS: Any = {"rows": 240, "sha256": "x"}


def plan(*labels: str, seeds: int = 2, beside: tuple[str, ...] = (), **more: Any) -> Plan:
    entries = [Entry(label, {**CONFIG, "name": label}) for label in labels or ("a", "b")]
    entries += [Entry(label, CONFIG, role="beside") for label in beside]
    data = {entry.label: FACTS for entry in entries}
    return Plan(tuple(entries), seeds, (), **{"data": data, "version": "1", **more})


def runs(of: Plan) -> list[tuple[str, int]]:
    return [(trial.label, trial.seed) for trial in of.trials()]


def test_runs_go_seed_by_seed_and_those_beside_for_the_first_seeds_only() -> None:
    assert runs(plan()) == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    many = plan(seeds=SEEDS_BESIDE + 2, beside=("a+",))
    assert [run for run in runs(many) if run[0] == "a+"] == [("a+", seed) for seed in range(SEEDS_BESIDE)]
    assert runs(many)[:4] == [("a", 0), ("b", 0), ("a+", 0), ("a", 1)]
    assert [entry.label for entry in many.compared()] == ["a", "b"]
    assert plan().trials()[1].config == {**CONFIG, "name": "b"}


def test_shards_are_every_nth_run_and_make_up_the_whole() -> None:
    whole = plan(seeds=4)
    parts = [replace(whole, shard=(i, 3)) for i in (1, 2, 3)]
    assert runs(parts[0]) == [("a", 0), ("b", 1), ("a", 3)]
    assert sorted(run for part in parts for run in runs(part)) == sorted(runs(whole))
    assert all(part.whole() == whole for part in parts)


def test_what_decides_the_results_decides_the_digest_and_is_named() -> None:
    one = plan()
    expected = {
        "configs": plan("a", "c"),
        "seeds": plan(seeds=3),
        "plugins": replace(one, plugins=(Plugin("p.py", "1"),)),
        "data": replace(one, data={"a": FACTS}),
        "versions": replace(one, version="2"),
    }
    for word, other in expected.items():
        assert other.digest() != one.digest()
        assert word in other.changes(one)
    assert expected["seeds"].changes(one) == ["seeds"]
    assert expected["configs"].changes(one) == ["configs", "data"]
    assert expected["versions"].changes(expected["seeds"]) == ["seeds", "versions"]
    assert replace(one, shard=(1, 2)).digest() != one.digest()
    # Neither the order and names of plugins, nor how configs and overrides were written, decides anything.
    p, q = Plugin("p.py", "1"), Plugin("q.py", "2")
    same = replace(one, plugins=(q, Plugin("other.py", "1")), overrides=("x=1",))
    assert same.digest() == replace(one, plugins=(p, q)).digest()
    assert same.changes(replace(one, plugins=(p, q))) == []
    named = replace(one, entries=tuple(replace(entry, source="s", point={"x": 1}) for entry in one.entries))
    assert named.digest() == one.digest()


def test_a_plan_comes_back_from_its_plain_values() -> None:
    one = plan(beside=("a+",), shard=(1, 2), overrides=("x=1",))
    assert Plan.from_dict(one.as_dict()) == one
    with pytest.raises(CorruptFileError):
        Plan.from_dict({**one.as_dict(), "seeds": "many"})


def test_limits_are_round_numbers() -> None:
    assert (SEEDS_BESIDE, MAX_SEEDS, MAX_RUNS, MAX_LABEL) == (5, 10_000, 100_000, 200)


def refused(of: Plan, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        check_plan(of)


def test_seeds_are_from_1_to_the_most() -> None:
    check_plan(plan(seeds=1))
    check_plan(plan(seeds=MAX_SEEDS))
    for seeds in (0, -1, MAX_SEEDS + 1):
        refused(plan(seeds=seeds), f"--seeds: expected 1 to {MAX_SEEDS:,}, got {seeds}.")


def test_runs_are_so_many_at_most() -> None:
    labels = [f"n{i}" for i in range(MAX_RUNS // MAX_SEEDS)]
    check_plan(plan(*labels, seeds=MAX_SEEDS))
    more = plan(*labels, seeds=MAX_SEEDS, beside=("x",))
    total = MAX_RUNS + min(MAX_SEEDS, SEEDS_BESIDE)
    refused(more, f"--seeds: {len(labels) + 1:,} configs would be {total:,} runs; at most {MAX_RUNS:,}.")


def test_a_shard_is_one_of_as_many_as_there_are_runs_at_most() -> None:
    for shard in ((1, 1), (1, 4), (4, 4), (2, 3)):
        check_plan(plan(shard=shard))
    for shard in ((0, 2), (3, 2), (1, 5), (5, 5)):
        words = f"--shard: expected I/N with 1 <= I <= N <= 4, the number of runs, got {shard[0]}/{shard[1]}."
        refused(plan(shard=shard), words)
    check_plan(plan(seeds=9, beside=("x",), shard=(1, 18 + min(9, SEEDS_BESIDE))))
    with pytest.raises(ConfigError, match="--shard"):
        check_plan(plan(seeds=9, beside=("x",), shard=(1, 19 + min(9, SEEDS_BESIDE))))


@pytest.mark.parametrize("label", ["a", "pm25-2", "x=1+y", "a.b", "ü", "x" * MAX_LABEL, "-"])
def test_names_that_folders_may_have(label: str) -> None:
    check_plan(plan(label, "other"))


@pytest.mark.parametrize("label", ["", ".", "..", ".a", "a.", "a/b", "a b", "x" * (MAX_LABEL + 1), "ü" * 101, "a\n"])
def test_names_that_folders_may_not_have(label: str) -> None:
    with pytest.raises(ConfigError, match=r": no name for a folder of a config's runs\.$") as caught:
        check_plan(plan(label, "other"))
    assert len(str(caught.value)) < 150


def test_names_that_differ_in_case_only_are_one_name_somewhere() -> None:
    refused(plan("Net", "b", "nET"), "net: two configs of this name; give one of the files another name.")


def test_configs_of_somebody_else_are_resolved_ones_that_can_be_compared() -> None:
    def resolved(**more: Any) -> dict[str, Any]:
        config = Entry("a", CONFIG).experiment().to_config()
        config.pop("seed")
        return {**config, **more}

    def of(*configs: dict[str, Any]) -> Plan:
        return Plan(tuple(Entry(label, config) for label, config in zip("ab", configs, strict=True)), 1, (), {}, "1")

    where = Path("plan.json")
    check_configs(of(resolved(), resolved()), where)
    with pytest.raises(CorruptFileError, match=r"^plan\.json: the config of b: it is not resolved$"):
        check_configs(of(resolved(), {key: value for key, value in resolved().items() if key != "loss"}), where)
    with pytest.raises(CorruptFileError, match=r"^plan\.json: the config of a: "):
        check_configs(of(resolved(loss={"type": "Nothing"}), resolved()), where)
    other = resolved(evaluation={**resolved()["evaluation"], "horizons": [1]})
    with pytest.raises(CorruptFileError, match=r"^plan\.json: compare: evaluation\.horizons is"):
        check_configs(of(resolved(), other), where)


def test_one_value_has_one_spelling() -> None:
    assert encode({"b": [1, 2.5], "a": None}) == b'{"a":null,"b":[1,2.5]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(float("nan"))
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
