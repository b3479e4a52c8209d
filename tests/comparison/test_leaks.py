"""Leaks are found, and the shipped honest configs have none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small import CONFIG, write_experiment

from minidl.comparison.leaks import LeakError, check_no_leak, find_leaks
from minidl.config import shipped
from minidl.data import WindowData
from minidl.experiment import load_experiment

HONEST = [name for name in shipped("configs") if name.endswith("_honest") and name != "pm25_honest"]


@pytest.mark.parametrize("name", HONEST)
def test_a_shipped_honest_config_has_no_leak(name: str) -> None:
    report = check_no_leak(load_experiment(name), epochs=1)
    assert report.checked == ("scaler", "training windows", "validation windows", "chosen checkpoint", "forecasts")
    assert report.assumes_known_covariates  # later weather: the config says so


def test_the_textbooks_scaler_is_caught() -> None:
    with pytest.raises(LeakError) as caught:
        check_no_leak(load_experiment("pm25_deep"), epochs=1)
    lines = str(caught.value).splitlines()
    assert lines[0] == "pm25_deep: the scaler depends on the test part (NaN there changes it)"
    assert any("the training windows depend" in line for line in lines)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def load(*overrides: str) -> Any:
        return load_experiment(write_experiment(tmp_path, CONFIG), [*overrides])

    return load


@pytest.mark.parametrize("way", ["hold_last", "same_hour_yesterday"])
def test_forecasts_that_do_not_know_the_weather_use_nothing_after_their_origin(small: Any, way: str) -> None:
    report = check_no_leak(small(f"evaluation.future_covariates={way}"))
    assert not report.assumes_known_covariates


def test_a_validation_in_the_test_part_is_caught(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # The chapter's own program once drew its validation windows from the test set.
    honest = WindowData.load

    def careless(self: Any, *arguments: Any, **keywords: Any) -> Any:
        splits = honest(self, *arguments, **keywords)
        return replace(splits, validation=splits.test)

    monkeypatch.setattr(WindowData, "load", careless)
    leaks = find_leaks(small()).leaks
    assert any(leak.startswith("the validation windows depend") for leak in leaks)
    assert any(leak.startswith("the chosen checkpoint depends") for leak in leaks)


def test_the_experiment_is_left_as_it_was(small: Any) -> None:
    experiment = small()
    before = experiment.to_config()
    find_leaks(experiment)
    assert experiment.to_config() == before
