"""Files of a comparison that somebody changed, some with their digests: refused in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparing import Capture
from forged import seal_record
from strange_folders import ONE, change, refused

from minidl.comparison.folder import ComparisonFolder
from minidl.comparison.session import make_plan, start
from minidl.comparison.trials import Outcome, run_trial
from minidl.core.errors import MinidlError


@pytest.mark.parametrize(
    "label", ["../../outside", "/tmp/outside", "", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", "é" * 101, "x" * 201, "a."]
)
def test_labels_that_are_no_names_of_folders_are_refused(made: Path, label: str, capsys: Capture) -> None:
    def rename(plan: Any) -> None:
        plan["data"][label] = plan["data"].pop(plan["entries"][0]["label"])
        plan["entries"][0]["label"] = label

    before = sorted(made.rglob("*"))
    change("plan.json", rename)
    refused(capsys, "no name for a folder of a config's runs.")
    assert sorted(made.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("plan.json", lambda plan: plan.update(shard=[1]), "plan.json: damaged: Expected `array` of length 2"),
        ("plan.json", lambda plan: plan.update(seeds=10**20), "plan.json: damaged: "),
        ("plan.json", lambda plan: plan.update(seeds=10_001), "plan.json: damaged: --seeds: expected 1 to 10,000"),
        ("plan.json", lambda plan: plan.update(shard=[1, 9]), "plan.json: damaged: --shard: expected I/N"),
        ("plan.json", lambda plan: plan.update(entries=[]), "plan.json: damaged: "),
        ("plan.json", lambda plan: plan["entries"].pop(), "plan.json: damaged: it does not tell the data"),
        ("plan.json", lambda plan: plan["entries"][0]["config"].pop("evaluation"), "small: it is not resolved"),
        ("plan.json", lambda plan: plan["entries"][0]["config"].update(model="x.yaml"), "the config of small: "),
        ("plan.json", lambda plan: plan["entries"][0]["config"].update(loss="os.system"), "the config of small: "),
        ("plan.json", lambda plan: plan.update(format=2), "format 2; this version of minidl reads format 4. Compare"),
        ("plan.json", lambda plan: [plan], "plan.json: damaged: Expected `object`, got `array`."),
        ("data.json", lambda data: data["facts"].update(units=3), "data.json: damaged: Expected `str`, got `int` - at"),
        ("data.json", lambda data: data["facts"].update(step="<b>"), "data.json: damaged: its facts are not those"),
        ("data.json", lambda data: data["facts"].pop("step"), "data.json: damaged: its facts are not those"),
        ("data.json", lambda data: data["baselines"].pop("persistence"), "damaged: there is no baseline called"),
        ("data.json", lambda data: data["baselines"]["linear"]["block"].pop("4"), "linear: damaged: its scores"),
        ("environment.json", lambda found: [], "environment.json: damaged: Expected `object`, got `array`."),
    ],
)
def test_forged_files_of_the_wrong_shape_are_refused(
    made: Path, name: str, edit: Callable[[Any], Any], message: str, capsys: Capture
) -> None:
    change(name, edit)
    refused(capsys, message)


@pytest.mark.parametrize("name", ["data.json", "environment.json", "plan.json", "manifest.json"])
def test_one_changed_digit_is_noticed(made: Path, name: str, capsys: Capture) -> None:
    text = (ONE / name).read_text()
    digit = next(i for i, c in enumerate(text) if c.isdigit() and i > len(text) // 2)
    (ONE / name).write_text(f"{text[:digit]}{(int(text[digit]) + 1) % 10}{text[digit + 1 :]}")
    refused(capsys, f"{ONE / name}: damaged")


def test_one_changed_number_of_any_weights_is_noticed_before_anything_is_trained(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("minidl.comparison.running.run_trial", lambda trial: pytest.fail("something was trained"))
    path = ONE / "runs/small/seed-0000.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    refused(capsys, f"{path}: damaged, or not of this run; delete it and the seed-0000.json beside it.")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda file: file["record"].update(seed=1), "is of another run."),
        (lambda file: file["record"].update(seed="0"), "damaged: Expected `int`, got `str`"),
        (lambda file: file["record"]["scores"]["block"].pop("4"), "its scores are not of the horizons"),
        (
            lambda file: file["record"]["scores"]["block"]["4"].update(rmse=None),
            "a run that is done has scores that are not finite.",
        ),
        (lambda file: file["record"]["scores"]["block"]["4"].pop("mae"), "its scores are not those of the task."),
        (lambda file: file["record"].pop("stretches"), "damaged: Object missing required field `stretches`"),
        (lambda file: file["record"]["stretches"]["4"]["r2"][0].append(1.0), "not those of its stretches."),
        (lambda file: file["record"]["stretches"]["4"]["rmse"].pop(), "its scores are not those of its stretches."),
        (lambda file: file["record"]["stretches"]["4"].update(mae=[[1.0, 2.0]]), "not those of its stretches."),
        (lambda file: file["record"]["stretches"].update(x={"r2": [[1.0, 0, 1, 1]]}), "not those of its stretches."),
        (lambda file: file["record"].update(more={}), "its scores are not those of the config."),
        (lambda file: file["record"]["more"]["shifted"].pop("4"), "its scores are not those of the config."),
        (lambda file: file["record"]["more"]["covariates"].update(best={}), "its scores are not those of the config."),
        (
            lambda file: file["record"]["more"]["covariates"].update(best=file["record"]["more"]["shifted"]),
            "its scores are not those of the config.",
        ),
        (lambda file: file["record"]["more"]["shifted"]["4"].update(r2="1"), "its scores are not those of the config."),
        (lambda file: file["record"]["curve"].pop("train_loss"), "its epochs are not those of the config."),
        (lambda file: file["record"]["curve"]["epoch"].pop(), "its epochs are not those of the config."),
        (lambda file: file["record"]["curve"].update(epoch=[1, 2, 9]), "its epochs are not those of the config."),
        (lambda file: file["record"]["curve"]["train_loss"].pop(), "its epochs are not those of the config."),
        (lambda file: file["record"].update(seconds={}), "does not say how long the training took"),
        (lambda file: file["record"]["seconds"].update(training=1e300), "damaged: Expected `float` <= 1000000000.0"),
        (lambda file: file["record"]["environment"].update(minidl="9"), "was trained by minidl 9; here it is"),
        (lambda file: file["record"]["data"].update(rows=1), "was trained on other data"),
        (lambda file: file["record"].update(status="failed"), "does not say what went wrong"),
        (lambda file: file.update(plan="0" * 64), "belongs to another comparison; delete it."),
        (lambda file: file.update(record=[]), "damaged: Expected `object`, got `array`"),
        (lambda file: file.update(weights=None), "seed-0000.safetensors: damaged, or not of this run"),
    ],
)
def test_forged_records_are_refused(made: Path, edit: Callable[[Any], Any], message: str, capsys: Capture) -> None:
    path = ONE / "runs/small/seed-0000.json"
    file = json.loads(path.read_text())
    edit(file)
    seal_record(path, file)
    refused(capsys, message)


def test_a_workers_answer_is_checked_before_it_is_stored(folder: Path) -> None:
    plan, data = make_plan(["small.yaml", "deep.yaml"], seeds=1, protocol=False)
    with (session := start(plan, data)).lock:
        trial, other = session.folder.missing()
        good = run_trial(trial)
        weights = {name: np.zeros(3, np.float32) for name in good.weights}
        forged: list[Any] = [
            None,
            run_trial(other),
            Outcome({**good.record, "label": "../../x"}, good.weights),
            Outcome({**good.record, "scores": {}}, good.weights),
            Outcome(good.record, weights),
            Outcome(good.record, {name: value + 1 for name, value in good.weights.items()}),
        ]
        for outcome in forged:
            with pytest.raises(MinidlError) as caught:
                session.folder.store(trial, outcome)
            assert "\n" not in str(caught.value)
        assert len(session.folder.missing()) == 2
        session.folder.store(trial, good)
        assert ComparisonFolder.open(session.folder.path).records() == [good.record]


@pytest.mark.parametrize("name", ["plan.json", "data.json", "environment.json"])
def test_a_file_of_more_than_64_mb_is_refused_unread(made: Path, name: str, capsys: Capture) -> None:
    os.truncate(ONE / name, (1 << 26) + 1)
    refused(capsys, f"{name}: 67,108,865 bytes; at most 67,108,864 are expected")
