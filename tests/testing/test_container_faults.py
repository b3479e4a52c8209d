"""check_layer finds faults that were planted in containers, in lengths, and where dx is left out.

Every class of the modules wrong_lengths and wrong_containers changes one thing in a
layer or container that is right.
"""

from __future__ import annotations

from typing import Any

import pytest
from layers_over_time import MeanOverTime, Reversed, Shifted
from wrong_containers import (
    BackwardReadsTheWrongWay,
    BindsCopies,
    BindsTheFirstOnly,
    BranchesSwapped,
    BranchGradientsSwapped,
    DropsTheContext,
    DropsTheGenerator,
    DropsTheLengths,
    DropsTheWorkspace,
    DropsTraining,
    ForgetsABranch,
    GradientOfTheLastBranch,
    GradientsOfOneDirectionForBoth,
    GradientTurnedOverThePadding,
    KeepsTheContexts,
    LengthsAfterTheFirst,
    NamesOutOfOrder,
    NamesWithoutPlaces,
    NeedsDx,
    NoGradientsWithoutDx,
    OneWorkspaceForAll,
    OtherGradientsWithoutDx,
    OutputsNotTurnedBack,
    PromisesTooFewFeatures,
    SavesEveryDx,
    StateNotHandedOn,
    StateOfTheFirstForAll,
    StatesReversed,
    SumsIntoTheFirstGradient,
    TurnedOverThePadding,
    WayAroundOnlyForward,
    WayAroundWithoutGradient,
    ZerosWithoutDx,
)
from wrong_lengths import (
    AllAsLongAsTheShortest,
    BiasForEveryStep,
    CentredOverTheBatch,
    GradientOfTheFirstLengthOnly,
    LargestOverThePadding,
    LastAddsUpInTheWorkspace,
    LastButOne,
    LastColumn,
    LastGradientInTheLastColumn,
    LastKeepsLengths,
    LastOfTheLongest,
    LengthsAsFloats,
    LengthsInAnotherOrder,
    LengthsOneLess,
    MeanDividedByTheLongest,
    MeanGradientToThePadding,
    MeanKeepsLengths,
    MeanOfAllStepsOverThoseThere,
    MeanOneStepShort,
    MeanOverThePadding,
    NoLengthsAfter,
    ReversedByTheLongest,
    ReversedForwardOnly,
    ReversedOverThePadding,
    RunsIntoTheNextSequence,
    ShiftedFromThePadding,
    ShiftedGradientIntoThePadding,
    StateAfterThePadding,
    StateOneStepEarly,
    StopsEarly,
)

from minidl import (
    Bidirectional,
    Dense,
    LastStep,
    Layer,
    Parallel,
    RecurrentLayer,
    Repeat,
    Residual,
    SelectFeatures,
    Sequential,
)
from minidl.testing.check_subject import Subject
from minidl.testing.checks import run_checks
from minidl.testing.container_checks import (
    bound_parameters,
    children_by_name,
    children_get_the_context,
    without_input_gradient,
)
from minidl.testing.layer_checks import CHECKS
from minidl.testing.length_checks import padded_equals_alone, padding_changes_nothing


def branches(*layers: Layer) -> list[Layer]:
    return list(layers or (Dense(2), RecurrentLayer(2)))


pytestmark = pytest.mark.usefixtures("no_new_process")

FAULTS: list[Layer] = [
    MeanOverThePadding(), MeanOfAllStepsOverThoseThere(), MeanDividedByTheLongest(), MeanOneStepShort(),
    MeanKeepsLengths(), MeanGradientToThePadding(), LargestOverThePadding(), LastColumn(), LastOfTheLongest(),
    LastButOne(), LastKeepsLengths(), LastGradientInTheLastColumn(), LastAddsUpInTheWorkspace(),
    ReversedOverThePadding(), ReversedForwardOnly(), ReversedByTheLongest(), ShiftedFromThePadding(),
    ShiftedGradientIntoThePadding(), LengthsOneLess(), LengthsInAnotherOrder(), LengthsAsFloats(), NoLengthsAfter(),
    CentredOverTheBatch(), BiasForEveryStep(2), GradientOfTheFirstLengthOnly(2), StateAfterThePadding(2),
    StateOneStepEarly(2), RunsIntoTheNextSequence(2), StopsEarly(2), AllAsLongAsTheShortest(2),
    DropsTheContext(RecurrentLayer(3)), DropsTheLengths([RecurrentLayer(2), LastStep()]),
    LengthsAfterTheFirst([Dense(2), LastStep()]),
    DropsTraining(Dense(3)), DropsTheGenerator(Dense(3)), DropsTheWorkspace(Dense(3)),
    OneWorkspaceForAll(branches()), SavesEveryDx([Dense(2), RecurrentLayer(2)]),
    StateOfTheFirstForAll([RecurrentLayer(2), RecurrentLayer(2)]), StatesReversed(RecurrentLayer(3), times=2),
    StateNotHandedOn([RecurrentLayer(2)]), WayAroundWithoutGradient(Dense(3)), WayAroundOnlyForward(Dense(3)),
    GradientOfTheLastBranch(branches()), BranchesSwapped(branches(), merge="concat"),
    BranchGradientsSwapped(branches(Dense(2), Dense(2)), merge="concat"), ForgetsABranch(branches()),
    NamesOutOfOrder(branches()),
    BindsTheFirstOnly(branches()), BindsCopies([Dense(2)]), BackwardReadsTheWrongWay(RecurrentLayer(2)),
    OutputsNotTurnedBack(RecurrentLayer(2)), TurnedOverThePadding(RecurrentLayer(2)),
    GradientTurnedOverThePadding(RecurrentLayer(2)), GradientsOfOneDirectionForBoth(RecurrentLayer(2)),
    PromisesTooFewFeatures(branches(), merge="concat"), SumsIntoTheFirstGradient(Dense(3), times=2),
    KeepsTheContexts([RecurrentLayer(2), LastStep()]), NoGradientsWithoutDx(2), OtherGradientsWithoutDx(2),
    ZerosWithoutDx(2), NeedsDx(2),
]  # fmt: skip

RIGHT: list[Layer] = [
    MeanOverTime(),
    Reversed(),
    Shifted(),
    Bidirectional(Residual(RecurrentLayer(3))),
    Residual(Parallel([Dense(3), Bidirectional(RecurrentLayer(3), merge="add")])),
    Sequential([Parallel([SelectFeatures([0]), RecurrentLayer(40)], merge="concat"), LastStep(), Dense(1)]),
    Repeat(Residual(Dense(3)), times=2),
]


def errors_of(layer: Layer) -> list[str]:
    return [result.error for result in run_checks(layer, (5, 3)) if result.error]


def test_there_are_fifty_faults() -> None:
    assert len({type(layer) for layer in FAULTS}) == len(FAULTS) >= 50


@pytest.mark.parametrize("layer", FAULTS, ids=lambda layer: type(layer).__name__)
def test_a_planted_fault_is_caught(layer: Layer) -> None:
    assert errors_of(layer)


# Each check with a fault that it must find itself.
OWN_FAULTS: list[tuple[Any, Layer]] = [
    (padded_equals_alone, LastColumn()),
    (padding_changes_nothing, LargestOverThePadding()),
    (without_input_gradient, OtherGradientsWithoutDx(2)),
    (bound_parameters, BindsTheFirstOnly(branches())),
    (children_by_name, NamesWithoutPlaces([Dense(2)])),
    (children_get_the_context, DropsTraining(Dense(3))),
]


@pytest.mark.parametrize(("check", "layer"), OWN_FAULTS, ids=lambda part: getattr(part, "__name__", ""))
def test_each_check_finds_a_fault_itself(check: Any, layer: Layer) -> None:
    assert check in CHECKS
    with pytest.raises(AssertionError):
        check(Subject(layer, (5, 3)))


def test_every_check_of_lengths_and_containers_is_tried() -> None:
    modules = {"minidl.testing.container_checks", "minidl.testing.length_checks"}
    assert {check for check, _ in OWN_FAULTS} == {check for check in CHECKS if check.__module__ in modules}


@pytest.mark.parametrize("layer", RIGHT, ids=lambda layer: type(layer).__name__)
def test_what_is_right_passes(layer: Layer) -> None:
    assert errors_of(layer) == []
