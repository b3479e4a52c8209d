"""The benchmarks compare only what is equal: weights after ten steps, forecasts, and the page's numbers."""

from __future__ import annotations

import importlib.util
import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import page, report
from benchmarks.__main__ import TWO_THREADS as TWO_THREADS_FROM
from benchmarks.cases import ASKED, CASES, GATES, Case, arranged
from benchmarks.competitors import ONE_THREAD, OWN_CELL, make, training, two_threads
from benchmarks.limits import limit
from benchmarks.pool import MODULES, checked
from benchmarks.targets import ONE_WINDOW, TARGETS, TWO_THREADS

ROOT = Path(__file__).parents[1]
SMALL = Case("small", 2, (3, 3), 5, True, "float64", 1)


def installed(name: str) -> None:
    """Skip what is not."""
    if name in MODULES and importlib.util.find_spec(MODULES[name]) is None:
        pytest.skip(f"{MODULES[name]} is not installed")


@pytest.fixture
def _threads_as_they_were() -> Any:
    """torch's number of threads holds for the whole process."""
    if importlib.util.find_spec("torch") is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_threads_as_they_were")
@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["torch", "jax", "jax, inside", "own cell, numpy"])
def test_every_competitor_has_the_weights_of_minidl_after_ten_steps(name: str, kind: str, bias: bool) -> None:
    # Gates in another order, a bias that counts twice or one that is not trained would all be seen here.
    installed(name)
    case = replace(SMALL, kind=kind, bias=bias)
    if name not in training(case):
        pytest.skip("an own cell is an LSTM")
    ours, theirs = make("minidl numpy", case), make(name, case)
    start = ours.parameters()
    np.testing.assert_array_equal(theirs.parameters(), start)
    ours.train(10)
    theirs.train(10)
    assert np.abs(ours.parameters() - start).max() > 1e-3
    np.testing.assert_allclose(theirs.parameters(), ours.parameters(), rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in Keras, of NumPy 2
@pytest.mark.parametrize("kind", GATES)
def test_keras_has_the_weights_of_minidl_after_ten_steps(kind: str) -> None:
    # float32: its SimpleRNN fails on float64.
    installed("keras")
    case = replace(SMALL, kind=kind, dtype="float32")
    ours, theirs = make("minidl numpy", case), make("keras", case)
    for one in (ours, theirs):
        one.train(10)
    np.testing.assert_allclose(theirs.parameters(), ours.parameters(), rtol=0, atol=1e-6)


@pytest.mark.usefixtures("_threads_as_they_were")
@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("name", ["torch", "jax", "keras", "onnxruntime"])
def test_every_competitor_forecasts_what_minidl_forecasts(name: str, kind: str) -> None:
    installed(name)
    case = replace(SMALL, kind=kind, dtype="float32", hidden=(3,))
    ours, theirs = make("minidl numpy", case), make(name, case)
    for one in (ours, theirs):
        one.ask()
    np.testing.assert_allclose(theirs.one().reshape(-1), ours.one().reshape(-1), rtol=0, atol=1e-6)
    np.testing.assert_allclose(theirs.many().reshape(-1), ours.many().reshape(-1), rtol=0, atol=1e-6)


def test_gates_are_put_into_another_order_and_back() -> None:
    W = np.arange(8).reshape(1, 8)
    assert arranged(W, "iofg", "ifgo").tolist() == [[0, 1, 4, 5, 6, 7, 2, 3]]
    assert arranged(arranged(W, "iofg", "ifgo"), "ifgo", "iofg").tolist() == W.tolist()


@pytest.mark.parametrize("wrong", [2.001, math.nan])
def test_one_whose_results_differ_is_reported_and_not_timed(wrong: float) -> None:
    made = {
        "minidl numpy": {"parameters": [1.0, 2.0], "memory": 5},
        "torch": {"parameters": [1.0, 2.0001], "memory": 6},
        "jax": {"parameters": [1.0, wrong], "memory": 7},
        "keras": {"error": "it failed"},
    }
    found = checked(made, "float32")
    assert found["torch"] == {"all": [], "memory": 6}
    assert "differ from minidl's" in found["jax"]["error"]
    assert found["keras"] == {"error": "it failed"}
    assert "error" in checked(made, "float64")["torch"]


def test_the_limit_of_an_lstm_counts_four_products_and_five_curves_a_unit() -> None:
    peak = {"operations": 1.0, "tanh": 1.0}
    case = Case("", 6, (4,), 24, True, "float32", 1)
    rows = 64 * 24
    products = 2 * rows * (2 * (24 + 16) + 16)
    assert limit(case, peak) == products + 4 * rows
    assert limit(replace(case, kind="LSTM"), peak) == 4 * products + 5 * 4 * rows
    assert limit(replace(case, kind="GRU"), peak) == 3 * products + 3 * 4 * rows


def test_kinds_of_layers_have_tables_of_their_own_with_their_own_competitors() -> None:
    def entry(*names: str) -> dict[str, Any]:
        return {"step": {name: {"seconds": 1e-6, "memory": 1e6} for name in names}, "limit": 1e-6}

    result = {"training": {"4": entry("minidl numpy"), "LSTM 4": entry("minidl numpy", *OWN_CELL)}}
    tables = dict(report.sections(result))
    lines = tables["Training of LSTMs, one thread: µs a step"]
    assert "own cell, compiled" in lines[0]
    assert lines[1].startswith("| LSTM 4 | 1.0 | 1.0 | 1.0 |")
    assert "own cell" not in "".join(tables["Training of tanh layers, one thread: µs a step"])
    assert "| LSTM 4 | own cell, numpy | minidl numpy | 1.00 | 0.95 | 1 | aim | 1.0 |" in tables["Targets"]


def test_every_target_is_of_a_case_and_its_competitors() -> None:
    cases = {case.name: case for case in CASES}
    for case, who, other, must, aim in TARGETS:
        known = {*training(cases[case]), *report.GROUPS}
        assert {who, other} <= known
        assert must <= aim
    assert {case for case, *_ in ONE_WINDOW} == set(ASKED)
    for case, who, other, must, aim in TWO_THREADS:
        assert {who, other} <= {*two_threads(cases[case]), *report.GROUPS}
        assert max(cases[case].hidden) >= TWO_THREADS_FROM
        assert must <= aim


def test_minidl_uses_the_cores_that_it_is_given_and_one_of_them_beside() -> None:
    cores = len(os.sched_getaffinity(0))
    assert make("minidl compiled", SMALL).trainer.settings.threads == cores
    assert make(ONE_THREAD, SMALL).trainer.settings.threads == 1
    row = {name: {"seconds": s} for name, s in (("minidl compiled", 0.001), (ONE_THREAD, 0.0017), ("torch", 0.0012))}
    lines = dict(report.sections({"two threads": {"64": row}}))
    assert lines["Training of tanh layers, two threads: ms a step"][-1] == "| 64 | 1.00 | 1.70 | 1.20 | 1.20 | 1.70 |"
    assert f"| 64, two threads | minidl compiled | {ONE_THREAD} | 1.70 | 1.6 | 1.8 | must | - |" in lines["Targets"]


def test_the_page_says_what_the_result_files_say() -> None:
    assert (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8") == page.page()


def test_the_page_says_that_the_machine_was_busy() -> None:
    machine = json.loads((ROOT / "benchmarks" / "result.json").read_text(encoding="utf-8"))["machine"]
    for load, busy in ((0.4, False), (3.5, True)):
        text = page.part("A run", "a.json", {"machine": {**machine, "load": [load, 0, 0]}, "rounds": 3})
        assert f"load before the run {load}" in text
        assert ("busy" in text) == busy
