"""The `evaluation` section is the task: which class it means, and what it says of metrics and rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pytest
from small import CONFIG, write_experiment

from minidl import ConfigError, NumericalError
from minidl.config import build, construct, parse_text
from minidl.core.registry import names
from minidl.data import Data, WindowData
from minidl.experiment import Experiment, load_experiment
from minidl.tasks import Forecast, Metric, Task


def test_without_a_type_a_task_is_a_forecast_and_data_are_windows(tmp_path: Path) -> None:
    experiment = load_experiment(write_experiment(tmp_path))
    assert type(experiment.evaluation) is Forecast
    assert type(experiment.data) is WindowData
    assert experiment.evaluation.horizons == [4, 2, 1]


def test_with_its_type_it_is_the_same_and_the_resolved_config_has_one_spelling(tmp_path: Path) -> None:
    plain = load_experiment(write_experiment(tmp_path)).to_config()
    overrides = ["evaluation.type=Forecast", "data.type=WindowData"]
    named = load_experiment(tmp_path / "small.yaml", overrides).to_config()
    assert named == plain
    assert not {"type"} & {*plain["data"], *plain["evaluation"]}
    assert construct(Experiment, plain).to_config() == plain


def test_a_task_by_its_bare_name_has_its_defaults() -> None:
    assert construct(Task, {}).to_config() == Forecast().to_config()
    assert build(Task, parse_text("Forecast")).to_config() == Forecast().to_config()


@pytest.mark.parametrize(
    ("base", "text", "message"),
    [
        (Task, "{tpye: Forecast}", "f.yaml:1:2: tpye: unknown key 'tpye'; did you mean type?"),
        (Task, "{type: Forcast}", "f.yaml:1:8: type: unknown task 'Forcast'; did you mean Forecast?"),
        (Task, "{horizon: [1]}", "f.yaml:1:2: horizon: unknown key 'horizon' of Forecast; did you mean horizons?"),
        (Data, "{time_steps: 3}", "f.yaml:1:1: WindowData needs series"),
    ],
)
def test_a_wrong_section_is_refused_in_one_line(base: type, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(base, parse_text(text, "f.yaml"))
    assert str(caught.value) == message


def test_data_that_a_task_cannot_use_are_refused_where_the_task_stands(tmp_path: Path) -> None:
    @dataclass(eq=False)
    class Nothing(Data):
        input_shape = (3, 1)
        feature_names = ("x",)
        has_validation = False

    experiment = load_experiment(write_experiment(tmp_path))
    with pytest.raises(ConfigError, match=r"^evaluation: Forecast needs windows of a series, .*; data is Nothing\."):
        Experiment(model=experiment.model, data=Nothing(), optimizer=experiment.optimizer)


def test_the_kinds_have_their_members() -> None:
    assert "Forecast" in names(Task)
    assert "WindowData" in names(Data)


def test_metrics_are_shown_with_their_words_units_and_digits() -> None:
    titles = [metric.title("MW") for metric in Forecast.metrics]
    assert titles == ["R²", "RMSE, MW", "MAE, MW", "loss (½·MSE, scaled)"]
    assert Forecast().metric("rmse").title() == "RMSE"
    assert [Metric("a", "A", True, digits=2).shown(value) for value in (1.0, math.nan, None)] == ["1.00", "-", "-"]
    assert [metric.name for metric in Forecast.metrics if metric.larger_is_better] == ["r2"]


def test_rows_of_a_forecast_are_its_horizons_and_the_first_table_is_compared() -> None:
    task = Forecast(horizons=[4, 1])
    assert (list(task.rows()), task.table, task.reference) == (["4", "1"], "block", "persistence")


@pytest.mark.parametrize(("value", "broken"), [(math.nan, False), (math.inf, True), (-math.inf, True)])
def test_an_undefined_metric_is_not_broken_and_an_infinite_one_is(value: float, broken: bool) -> None:
    good = {"r2": 0.5, "loss": 0.1, "mae": 1.0, "rmse": 2.0}
    scores = {"block": {"1": {**good, "r2": value}}, "lead": {"1": good}}
    assert (Forecast().broken_score(scores) is not None) == broken
    if broken:
        with pytest.raises(NumericalError, match=r"^here: the training was finite, but the scores are not \(r2 of b"):
            Forecast().check_finite(scores, "here")


def test_a_task_of_ones_own_is_named_in_a_config(tmp_path: Path) -> None:
    from minidl.core.registry import register

    @register
    @dataclass(eq=False)
    class OneRowAhead(Forecast):
        reported = ("r2",)

        def rows(self) -> list[str]:
            return ["1"]

    config = CONFIG.replace("evaluation: {", "evaluation: {type: OneRowAhead, ")
    experiment = load_experiment(write_experiment(tmp_path, config))
    assert type(experiment.evaluation) is OneRowAhead
    assert experiment.to_config()["evaluation"]["type"] == "OneRowAhead"


@pytest.mark.parametrize(
    ("mine", "persistence", "skill"), [(1.0, 2.0, 0.75), (1e300, 2.0, None), (1.0, 0.0, None), (None, 2.0, None)]
)
def test_skill_beyond_all_numbers_is_none(mine: float | None, persistence: float, skill: float | None) -> None:
    # 1e300 in the data.json of a comparison was an OverflowError.
    assert Forecast().terms().skill({"rmse": mine}, {"rmse": persistence}) == skill
