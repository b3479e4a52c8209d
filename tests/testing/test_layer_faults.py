"""check_layer finds planted faults: one small broken layer for each.

`Elman` is right and passes. Every class of the modules wrong_gradients, wrong_memory
and wrong_ideas changes one thing, and the check that should find it must name it. So
the checks themselves are tested, and a check that went blind makes this file fail.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
from elman import Elman
from wrong_gradients import (
    BiasGradientIsZero,
    BiasGradientMissing,
    BuildPromisesAnotherShape,
    FinalStateGradientDropped,
    GradientInFloat64,
    GradientOfWrongShape,
    InnerOutputGradientsDropped,
    InputGradientInFloat64,
    InputGradientNotTransposed,
    MeanOverBatchInsteadOfSum,
    NoInputGradient,
    OnePercentOff,
    OnlyRightForOnes,
    OutputInFloat64,
    ParametersInFloat64,
    RecurrentPathDropped,
    SignOfWhhFlipped,
    SlopeOfTheStepBefore,
    StartStateGradientDropped,
    SumOverTimeForgotten,
    WhhNotTransposed,
    WhhShiftedByOneStep,
    WrongKey,
)
from wrong_ideas import (
    AddsOneAtEveryConstruction,
    DividesByTimeLessOne,
    DrawsNoise,
    DrawsSomethingItDoesNotSave,
    FinalStateOfTheFirstStep,
    ForgetsTheNoiseInBackward,
    IgnoresTheStartState,
    InventsAnArgument,
    LosesAnArgument,
    MixesTheBatch,
    SqueezesABatchOfOne,
    TakesMemoryForTheArray,
    WritesTheDefault,
)
from wrong_memory import (
    AddsUpInTheWorkspace,
    CacheOnSelf,
    CacheServesOnce,
    CountsCallsInside,
    CountsItsCalls,
    GrowsAList,
    KeepsOneBufferForAllCalls,
    KnowsOneThreadOnly,
    PlansForTheFirstBatchOnly,
    ReplacesParameters,
    ReturnsAWriteableViewOfItsCache,
    WritesItsInput,
    WritesParameters,
    WritesTheOutputGradient,
    WritesTheSecondGradientIntoTheFirst,
)

from minidl import INFERENCE
from minidl.testing.checks import check_layer, run_checks
from minidl.testing.fresh_process import CHILD
from minidl.testing.layer_checks import CHECKS

SHAPES = "gradients have the parameters' names, shapes and dtypes"
DIFFERENCES = "gradients equal central differences"
TRAINING = "gradients equal central differences while training, for the same random draws"
READ_ONLY = "read-only inputs are accepted"
UNCHANGED = "parameters and attributes stay as they are"
OUTPUT = "writing to the output cannot spoil the gradient"
REPEATED = "repeated and interleaved calls give the same bits"
SECOND = "a second backward leaves the arrays of the first as they are"
THREADS = "threads that share the layer give the same bits"
WORKSPACE = "a lent workspace changes nothing, with two batch sizes in a row"
ROWS = "a batch equals its rows one by one"
SINGLE = "one time step and one row are enough"
MEMORY = "non-contiguous input gives the same values"
STATE = "two half windows with the state handed over equal the whole"
THROUGH = "gradients through the start and the final state equal central differences"
CONFIG = "the layer is rebuilt from its config"
FRESH = "saved, it loads in a fresh process and gives the same output"

# (layer, the check that must find it, what the check must say)
FAULTS = [
    (SignOfWhhFlipped(), DIFFERENCES, r"^wrong gradient: dW_hh \(relative error 2\.0e\+00\)$"),
    (WhhShiftedByOneStep(), DIFFERENCES, r"^wrong gradient: dW_hh \(relative error .*\)$"),
    (SumOverTimeForgotten(), DIFFERENCES, r"^wrong gradient: dW_xh \(relative error .*\)$"),
    (MeanOverBatchInsteadOfSum(), DIFFERENCES, r"^wrong gradient: db_h \(relative error 6\.7e-01\)$"),
    (InnerOutputGradientsDropped(), DIFFERENCES, r"^wrong gradient: dx .*, dW_xh .*, dW_hh .*, db_h .*$"),
    (RecurrentPathDropped(), DIFFERENCES, r"^wrong gradient: dx .*, dW_xh .*, dW_hh .*, db_h .*$"),
    (WhhNotTransposed(), DIFFERENCES, r"^wrong gradient: dx .*, dW_xh .*, dW_hh .*, db_h .*$"),
    (SlopeOfTheStepBefore(), DIFFERENCES, r"^wrong gradient: dx "),
    (InputGradientNotTransposed(), DIFFERENCES, r"^wrong gradient: dx \(relative error [^,]*\)$"),
    (BiasGradientIsZero(), DIFFERENCES, r"^wrong gradient: db_h \(relative error 1\.0e\+00\)$"),
    (OnePercentOff(), DIFFERENCES, r"^wrong gradient: dW_xh \(relative error .*e-03\)$"),
    (OnlyRightForOnes(), DIFFERENCES, r"^wrong gradient: dx .*, dW_xh .*, dW_hh .*, db_h .*$"),
    (ForgetsTheNoiseInBackward(), TRAINING, r"^wrong gradient: dx \(relative error [^,]*\)$"),
    (BiasGradientMissing(), SHAPES, r"^gradients \['W_hh', 'W_xh'\], parameters \['W_hh', 'W_xh', 'b_h'\]"),
    (WrongKey(), SHAPES, r"^gradients \['W', 'W_xh', 'b_h'\], parameters \['W_hh', 'W_xh', 'b_h'\]"),
    (GradientOfWrongShape(), SHAPES, r"^db_h is \(1, 3\) float32"),
    (GradientInFloat64(), SHAPES, r"^db_h is \(3,\) float64"),
    (OutputInFloat64(), SHAPES, r"^y is float64 for float32 input"),
    (InputGradientInFloat64(), SHAPES, r"^dx is \(3, 5, 3\) float64, x \(3, 5, 3\) float32"),
    (ParametersInFloat64(), SHAPES, r"float64"),
    (NoInputGradient(), SHAPES, r"^backward returned None for dx"),
    (BuildPromisesAnotherShape(), SHAPES, r"^build promised \(5, 4\), y\.shape is \(3, 5, 3\)"),
    (CacheOnSelf(), UNCHANGED, r"^new attributes: \['_cache'\]"),
    (CacheOnSelf(), REPEATED, r"^another forward in between changed \['dx', 'dW_xh', 'dW_hh', 'db_h'\]"),
    (CountsItsCalls(), UNCHANGED, r"^self\.calls was replaced"),
    (CountsCallsInside(), UNCHANGED, r"^(new attributes: \['calls'\]|self\.calls was replaced)"),
    (GrowsAList(), UNCHANGED, r"^a list, dict or set on self was changed"),
    (WritesTheSecondGradientIntoTheFirst(), SECOND, r"^the second backward wrote to \['dx'\] of the first"),
    (WritesTheDefault(4), CONFIG, r"^to_config is \{'hidden_size': 3\}, not the arguments"),
    (WritesParameters(), UNCHANGED, r"^params\['W_hh'\] was written to"),
    (ReplacesParameters(), UNCHANGED, r"^self\.params was replaced"),
    (WritesItsInput(), READ_ONLY, r"read-only"),
    (WritesTheOutputGradient(), READ_ONLY, r"read-only"),
    (ReturnsAWriteableViewOfItsCache(), OUTPUT, r"^y shares memory with the cache: y \*= 0 changed .*read_only\(y\)"),
    (KeepsOneBufferForAllCalls(), REPEATED, r"^another forward in between changed \['y'"),
    (CacheServesOnce(), REPEATED, r"changed \['dx'"),
    (KnowsOneThreadOnly(), THREADS, r"^wrong_memory\.py:\d+, in \w+: AttributeError: .*value"),
    (AddsUpInTheWorkspace(), WORKSPACE, r"^batch [23]: \['db_h'\] differ with a workspace"),
    (PlansForTheFirstBatchOnly(), WORKSPACE, r"."),
    (MixesTheBatch(), ROWS, r"Not equal to tolerance"),
    (DividesByTimeLessOne(), SINGLE, r"^wrong_ideas\.py:\d+, in forward: ZeroDivisionError: "),
    (SqueezesABatchOfOne(), SINGLE, r"^dx has shape \(5, 3\) for x \(1, 5, 3\)"),
    (TakesMemoryForTheArray(), MEMORY, r"Not equal to tolerance"),
    (IgnoresTheStartState(), STATE, r"Not equal to tolerance"),
    (FinalStateOfTheFirstStep(), STATE, r"Not equal to tolerance"),
    (DrawsNoise(), REPEATED, r"changed \['y'\]"),
    (FinalStateGradientDropped(), THROUGH, r"^wrong gradient: dx .*, dstart state 0 .*, dstart state 1 "),
    (StartStateGradientDropped(), THROUGH, r"^wrong gradient: dstart state 0 \(relative error 1\.0e\+00\)$"),
    (LosesAnArgument(), CONFIG, r"^to_config has \[\]"),
    (InventsAnArgument(), CONFIG, r"^to_config has \['hidden_size', 'size'\]"),
    (AddsOneAtEveryConstruction(), CONFIG, r"'hidden_size': 5\} is not .*'hidden_size': 4\}$"),
]


def outcomes(layer):
    return {result.name: result for result in run_checks(layer, (5, 3))}


def test_a_correct_layer_passes_every_check():
    results = run_checks(Elman(), (5, 3))
    assert [result.error for result in results] == [None] * len(results)
    assert [result.skipped for result in results] == [None] * len(results)
    check_layer(Elman(2), (None, 4))


@pytest.mark.usefixtures("no_new_process")
@pytest.mark.parametrize(("layer", "check", "message"), FAULTS, ids=lambda part: type(part).__name__)
def test_the_right_check_reports_the_fault(layer, check, message):
    error = outcomes(layer)[check].error
    assert error is not None, f"{check}: found nothing"
    assert re.search(message, error), error


def test_a_layer_that_cannot_be_called_fails_one_check_and_no_other():
    class OneResult(Elman):
        def forward(self, x, ctx=INFERENCE):
            return super().forward(x, ctx)[0]

    class NoCache(Elman):
        def backward(self, dy):
            return dy, {}

    for layer, message in (
        (OneResult(), r"^ShapeError: OneResult: forward must return \(y, cache\), y an array\.$"),
        (NoCache(), r"^TypeError: .*NoCache\.backward\(\) takes 2 positional arguments but 3 were given$"),
    ):
        (result,) = run_checks(layer, (5, 3))
        assert result.name == "forward and backward can be called"
        assert re.search(message, result.error), result.error


def test_what_is_drawn_but_not_saved_is_found_in_a_fresh_process():
    error = outcomes(DrawsSomethingItDoesNotSave())[FRESH].error
    assert error is not None
    assert error.startswith("another output in a fresh process")


def test_an_argument_that_is_always_written_as_its_default_is_found_in_a_fresh_process():
    error = outcomes(WritesTheDefault(4))[FRESH].error
    assert error is not None
    assert error.startswith(
        "the new process failed: minidl.core.errors.ShapeError: WritesTheDefault: expected W_xh of shape (3, 3)"
    )


def test_every_check_has_a_fault_that_it_finds():
    # Those of lengths and containers: test_container_faults.py.
    found = {check for _, check, _ in FAULTS} | {FRESH}
    assert found == {check.__doc__ for check in CHECKS if check.__module__.endswith((".layer_checks", ".state_checks"))}


def test_check_layer_raises_with_one_line_for_each_failed_check(monkeypatch):
    monkeypatch.setenv(CHILD, "")
    with pytest.raises(AssertionError) as err:
        check_layer(SignOfWhhFlipped(), (5, 3))
    assert str(err.value).splitlines() == [
        "SignOfWhhFlipped does not keep the layer protocol:",
        f"{DIFFERENCES}: FAILED: wrong gradient: dW_hh (relative error 2.0e+00)",
        f"{TRAINING}: FAILED: wrong gradient: dW_hh (relative error 2.0e+00)",
    ]


@pytest.mark.usefixtures("no_new_process")
@pytest.mark.parametrize(
    ("message", "shown"),
    [("", "AssertionError without a message"), ("a\n\n  b\n" + "c" * 999, "a; b; " + "c" * 191 + "...")],
)
def test_a_check_that_fails_fails_in_one_line_whatever_its_message(message, shown):
    class Asserting(Elman):
        def forward(self, x, ctx=INFERENCE):
            raise AssertionError(message)

    assert {result.error for result in run_checks(Asserting(), (5, 3))} >= {shown}
    with pytest.raises(AssertionError, match="does not keep the layer protocol"):
        check_layer(Asserting(), (5, 3))


def test_a_layer_that_no_other_process_can_find_is_reported_as_left_out():
    class Local(Elman):
        pass

    results = outcomes(Local())
    assert results[FRESH].skipped == "Local is not defined at the top of a file, so no new process can find it"
    assert results[FRESH].error is None
    check_layer(Local(), (5, 3))


def test_the_layer_under_test_is_left_alone():
    layer = Elman()
    layer.build((5, 3), np.random.default_rng(0), "float32")
    before = {name: value.copy() for name, value in layer.params.items()}
    run_checks(layer, (5, 3))
    assert layer.params.keys() == before.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(layer.params[name], value)
        assert layer.params[name].dtype == "float32"
