"""The steps of a comparison that need no training: what is asked, in words, and how outcomes are kept."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_up import CONFIG

from minidl.comparison import session
from minidl.comparison.entries import Entry
from minidl.comparison.plan import Plan
from minidl.core.errors import ConfigError, DataError, StorageError

SEES = {**CONFIG, "data": {**CONFIG["data"], "scaler": {"type": "MinMaxScaler", "fit_on": "all"}}}


def test_a_config_with_a_shortcut_is_trained_without_it_too() -> None:
    entries = [Entry("one", CONFIG, {"x": 1}), Entry("other", SEES, {"x": 2}, source="s")]
    (added,) = session.beside(entries)
    assert (added.label, added.role, added.point, added.source) == ("other+fit_on_train", "beside", {"x": 2}, "")
    assert added.config == {**SEES, "data": CONFIG["data"]}


def plan(seeds: int, labels: str = "ab", outside: tuple[str, ...] = ()) -> Plan:
    entries = [Entry(label, CONFIG) for label in labels]
    return Plan((*entries, Entry("beside", CONFIG, role="beside")), seeds, (), {}, "1", outside=outside)


@pytest.mark.parametrize(
    ("seeds", "labels", "warning"),
    [
        (6, "ab", ["6 seeds cannot show a difference at the 5 % level; 7 or more can"]),
        (1, "ab", ["1 seed cannot show a difference at the 5 % level; 7 or more can"]),
        (7, "ab", []),
        (8, "abc", ["8 seeds cannot show a difference at the 5 % level; 9 or more can"]),
        (9, "abc", []),
        (9, "abcd", ["9 seeds cannot show a difference at the 5 % level; 10 or more can"]),
        (9, "abcde", []),  # each with the first only
    ],
)
def test_too_few_seeds_are_told_before_anything_is_trained(seeds: int, labels: str, warning: list[str]) -> None:
    # Two sided p of n pairs is at best 2 / 2^n, times the tests: three horizons, times the pairs of configs.
    # Caught here: three and four configs counted as two and three pairs, with 8 seeds that could show nothing.
    names = ", ".join(labels)
    assert session.describe_plan(plan(seeds, labels)) == [
        f"{names}: nothing differs: the configs are the same",
        *warning,
    ]


def test_forecasts_of_another_program_are_tested_against_each_config() -> None:
    assert len(session.describe_plan(plan(8, "ab", ("theirs.csv",)))) == 2  # three pairs
    assert len(session.describe_plan(plan(9, "ab", ("theirs.csv",)))) == 1


class Kept:
    """A comparison's folder, of which two of five runs are done."""

    def __init__(self) -> None:
        self.stored: list[Any] = []
        self.plan = SimpleNamespace(trials=lambda: [trial(i) for i in range(5)])

    def missing(self) -> list[Any]:
        return [trial(i) for i in (2, 3, 4)]

    def store(self, trial: Any, outcome: Any) -> None:
        self.stored.append((trial.seed, outcome))


def trial(seed: int) -> Any:
    return SimpleNamespace(label="net", seed=seed)


def run(monkeypatch: pytest.MonkeyPatch, failed: list[Any]) -> tuple[Kept, list[Any]]:
    folder, told, asked = Kept(), [], []

    def run_trials(missing: Any, make: Any, keep: Any) -> list[Any]:
        asked.append((missing, make))
        for one in missing:
            keep(one, f"outcome {one.seed}")
        return failed

    monkeypatch.setattr(session, "run_trials", run_trials)
    opened: Any = SimpleNamespace(folder=folder)
    session.run_missing(opened, nullcontext, lambda *args: told.append(args))
    assert [([one.seed for one in missing], make) for missing, make in asked] == [([2, 3, 4], nullcontext)]
    return folder, told


def test_every_outcome_is_stored_as_it_comes_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, told = run(monkeypatch, [])
    assert folder.stored == [(seed, f"outcome {seed}") for seed in (2, 3, 4)]
    assert [(done, total, one.seed, outcome) for done, total, one, outcome in told] == [
        (3, 5, 2, "outcome 2"),
        (4, 5, 3, "outcome 3"),
        (5, 5, 4, "outcome 4"),
    ]


def test_runs_without_an_outcome_are_counted_and_the_first_error_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = DataError("no such file."), StorageError("full.")
    message = "2 of 5 runs gave no result; the first, net seed 3: no such file."
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        run(monkeypatch, [(trial(3), first), (trial(4), second)])
    with pytest.raises(KeyError):
        run(monkeypatch, [(trial(3), KeyError("a fault of ours")), (trial(4), second)])


def test_the_weights_of_a_run_are_those_that_it_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [{"label": label, "seed": seed} for label in "ab" for seed in (0, 1)]

    def weights(record: dict[str, Any]) -> dict[str, Any]:
        own = 10.0 * ("ab".index(record["label"]) + 1) + record["seed"]
        return {name: value * 0 + own for name, value in Entry("a", CONFIG).experiment().model.params.items()}

    folder: Any = SimpleNamespace(plan=plan(2), records=lambda: records, weights=weights)
    monkeypatch.setattr(session, "load_parts", lambda experiment: f"parts of seed {experiment.seed}")
    model, parts = session._open_run(folder, "b", 1)
    assert parts == "parts of seed 1"
    assert {float(number) for value in model.params.values() for number in value.ravel()} == {21.0}


def test_every_way_into_a_comparison_looks_for_a_main_guard_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class UnguardedError(Exception):
        pass

    def check() -> None:
        raise UnguardedError

    monkeypatch.setattr(session, "check_main_guard", check)
    for enter in (
        lambda: session.make_plan(["nothing.yaml"], seeds=0),
        lambda: session.start(plan(1), {}),
        lambda: session.reopen(Path("nowhere")),
        lambda: session.merge([]),
    ):
        with pytest.raises(UnguardedError):
            enter()


@pytest.mark.parametrize(
    ("protocol", "labels"), [(True, ["one", "other", "other+fit_on_train"]), (False, ["one", "other"])]
)
def test_what_only_shows_a_shortcut_is_planned_if_it_is_asked_for(
    protocol: bool, labels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        session, "load_entries", lambda configs, overrides: [Entry("one", CONFIG), Entry("other", SEES)]
    )
    monkeypatch.setattr(session, "describe_baselines", lambda entries: {"data": {}, "of": [e.label for e in entries]})
    monkeypatch.setattr(session, "check_plan", lambda plan: None)
    plan, data = session.make_plan(["one.yaml", "other.yaml"], seeds=3, protocol=protocol)
    assert [entry.label for entry in plan.entries] == labels == data["of"]


def test_without_scipy_nothing_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise ConfigError("no scipy")

    monkeypatch.setattr(session, "need_scipy", none)
    with pytest.raises(ConfigError, match=r"^no scipy$"):
        session.make_plan(["one.yaml", "other.yaml"], seeds=3)
