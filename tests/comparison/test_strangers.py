"""Folders of comparisons that somebody else made or damaged: refused in one line, and nothing of them is run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forged import seal, seal_record

from minidl.cli import main
from minidl.comparison.folder import ComparisonFolder
from minidl.comparison.session import make_plan, start
from minidl.comparison.trials import Outcome, run_trial
from minidl.core.errors import CorruptFileError, MinidlError

Capture = pytest.CaptureFixture[str]
ONE = Path("runs/compare-001")
CONFIGS = ("small.yaml", "deep.yaml", "--seeds", "1", "--no-protocol")
PLUGIN = """\
from pathlib import Path

from minidl import HalfMSE, register

Path("ran.txt").write_text("{version}")


@register
class Mine(HalfMSE):
    pass
"""


def compare(*arguments: str) -> int:
    return main(["compare", *arguments, "--jobs", "1"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where the comparison that the tests change was made, once."""
    return {"folder": tmp_path_factory.mktemp("made")}


@pytest.fixture
def made(folder: Path, runs: dict[str, Path], capsys: Capture) -> Path:
    """A comparison whose last run is missing."""
    if not (runs["folder"] / "runs").exists():
        assert compare(*CONFIGS) == 0
        (ONE / "comparison.json").unlink()
        (ONE / "runs/deep/seed-0000.json").unlink()
        shutil.move("runs", runs["folder"] / "runs")
        capsys.readouterr()
    shutil.copytree(runs["folder"] / "runs", "runs")
    return folder


def change(name: str, edit: Callable[[Any], Any]) -> None:
    """Edit a JSON file of the folder and forge all digests."""
    path = ONE / name
    value = json.loads(path.read_text())
    edited = edit(value)
    path.write_text(json.dumps(edited if isinstance(edited, list) else value))
    seal(ONE)


def refused(capsys: Capture, message: str, *arguments: str) -> None:
    assert compare(*(arguments or ("--resume", str(ONE)))) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err.splitlines()[-1]
    assert len(err.splitlines()) == (1 if not arguments else 3)


def with_plugin(folder: Path) -> tuple[str, ...]:
    (folder / "mine.py").write_text(PLUGIN.format(version=1))
    return (*CONFIGS, "--set", "loss=Mine", "--plugin", "mine.py")


def test_plugins_that_a_plan_names_are_not_run(made: Path, capsys: Capture) -> None:
    (ONE / "x.py").write_text("open('ran.txt', 'w').write('code of the folder was run')\n")
    change("plan.json", lambda plan: plan.update(plugins=[str(ONE / "x.py")]))
    refused(capsys, "plan.json: damaged: Expected `object`, got `str` - at `$.plugins[0]`")
    change("plan.json", lambda plan: plan.update(plugins=[{"name": str(ONE / "x.py"), "sha256": "0" * 64}]))
    refused(capsys, "needs --plugin runs/compare-001/x.py, with which it was begun.")
    assert compare(*CONFIGS) == 0  # another plan: it starts anew
    assert not Path("ran.txt").exists()
    assert Path("runs/compare-002/comparison.json").exists()


def test_a_plan_that_was_edited_ends_the_command_that_would_go_on_with_it(made: Path, capsys: Capture) -> None:
    path = ONE / "plan.json"
    path.write_text(path.read_text().replace('"seeds": 1', '"seeds": 2'))
    refused(capsys, "plan.json: damaged or changed", *CONFIGS)
    assert compare(*CONFIGS, "--fresh") == 0


def test_plugins_are_given_again_and_must_be_those_of_the_start(folder: Path, capsys: Capture) -> None:
    arguments = with_plugin(folder)
    assert compare(*arguments) == 0
    (ONE / "runs/deep/seed-0000.json").unlink()
    plan = json.loads((ONE / "plan.json").read_text())
    assert [list(plugin) for plugin in plan["plugins"]] == [["name", "sha256"]]
    Path("ran.txt").unlink()
    capsys.readouterr()
    refused(capsys, "runs/compare-001: needs --plugin mine.py, with which it was begun.")
    (folder / "mine.py").write_text(PLUGIN.format(version=2))
    assert compare("--resume", str(ONE), "--plugin", "mine.py") == 3
    assert "mine.py: its content is not that of the start." in capsys.readouterr().err
    assert not Path("ran.txt").exists()
    assert compare(*arguments) == 0  # with other code it is another comparison
    line = "runs/compare-001: unfinished, but begun with other plugins; starting anew"
    assert line in capsys.readouterr().err.splitlines()
    assert Path("runs/compare-002/comparison.json").exists()
    (folder / "mine.py").write_text(PLUGIN.format(version=1))
    (folder / "other.py").write_text("")
    assert compare("--resume", str(ONE), "--plugin", "mine.py", "--plugin", "other.py") == 3
    assert "other.py: it was not used at the start." in capsys.readouterr().err
    assert compare("--resume", str(ONE), "--plugin", "mine.py") == 0


def test_a_worker_runs_no_plugin_that_has_changed(folder: Path) -> None:
    plugin = folder / "mine.py"
    plugin.write_text(PLUGIN.format(version=1))
    from minidl.files.plugins import load_plugin

    load_plugin(plugin)
    plan, data = make_plan(["small.yaml", "deep.yaml"], seeds=1, overrides=["loss=Mine"], plugins=[str(plugin)])
    with (session := start(plan, data, plugins=[plugin])).lock:
        trial = session.folder.missing()[0]
    plugin.write_text(PLUGIN.format(version=2))
    with pytest.raises(CorruptFileError, match=r"mine.py: its content is not that of the start"):
        run_trial(trial)
    assert Path("ran.txt").read_text() == "1"


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
        ("plan.json", lambda plan: plan.update(format=2), "format 2; this version of minidl reads format 3. Compare"),
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
    monkeypatch.setattr("minidl.comparison.executors.run_trial", lambda trial: pytest.fail("something was trained"))
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


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize(
    "name", ["runs/zz", "runs/deep/zz", "figures", ".lock", "runs/deep/seed-0000.json", "comparison.json", "zz"]
)
def test_links_in_a_folder_are_refused_and_nothing_is_touched_where_they_lead(
    made: Path, name: str, capsys: Capture
) -> None:
    outside = made / "outside"
    outside.mkdir()
    for victim in (".seed-0000.json.new", ".plan.json.old", "seed-0000.json"):
        (outside / victim).write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in [outside, *outside.iterdir()]}
    place = ONE / name
    if place.is_dir():
        place.rmdir()
    place.unlink(missing_ok=True)
    place.symlink_to(outside if "json" not in name and name != ".lock" else outside / "seed-0000.json")
    refused(capsys, f"{place}: a symbolic link; the folder must hold its files itself.")
    assert {path: path.stat().st_mtime_ns for path in [outside, *outside.iterdir()]} == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
@pytest.mark.parametrize("name", ["plan.json", "data.json", "manifest.json", "runs/deep/seed-0000.json", ".lock"])
def test_pipes_in_a_folder_hang_nothing(made: Path, name: str, capsys: Capture) -> None:
    (ONE / name).unlink(missing_ok=True)
    os.mkfifo(ONE / name)
    code = compare("--resume", str(ONE))
    err = capsys.readouterr().err
    assert code in (3, 4)
    assert len(err.splitlines()) == 1
    assert "regular file" in err or ".lock" in err


@pytest.mark.parametrize("name", ["runs", "figures", "runs/small"])
def test_a_file_where_a_folder_should_be_is_refused_before_anything_is_trained(
    made: Path, name: str, capsys: Capture
) -> None:
    shutil.rmtree(ONE / name, ignore_errors=True)
    (ONE / name).write_text("")
    refused(capsys, f"{ONE / name}: not a folder.")


@pytest.mark.parametrize("name", ["comparison.json", "report.md", "report.html"])
def test_a_folder_where_a_file_should_be_is_refused_before_anything_is_trained(
    made: Path, name: str, capsys: Capture
) -> None:
    (ONE / name).unlink(missing_ok=True)
    (ONE / name).mkdir()
    refused(capsys, f"{ONE / name}: not a regular file.")


def test_stray_folders_beside_are_passed_over(made: Path, capsys: Capture) -> None:
    for number, content in enumerate(['{"format": 3, "shard": [1]}', "[" * 5000, "\0", '{"format": 3}'], 100):
        (path := Path(f"runs/compare-{number}")).mkdir()
        (path / "plan.json").write_text(content)
    Path("runs/compare-200").mkdir()
    Path("runs/compare-201").write_text("a file")
    if os.name != "nt":
        Path("runs/compare-202").symlink_to(made)
        os.mkfifo("runs/compare-203")
        Path("runs/compare-204").mkdir()
        os.mkfifo("runs/compare-204/plan.json")
        Path("runs/compare-205").mkdir()
        Path("runs/compare-205/plan.json").symlink_to("/dev/zero")
    assert compare(*CONFIGS) == 0
    err = capsys.readouterr().err
    assert "runs/compare-001: goes on; 1 of 2 runs are done" in err
    assert err.count("passed over, as no comparison that can be read: ") == (4 if os.name == "nt" else 6)


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


def test_labels_that_differ_in_case_only_get_folders_of_their_own(folder: Path) -> None:
    (folder / "Small.yaml").write_text("extends: small.yaml\n")
    (folder / "..yaml").write_text("extends: small.yaml\n")
    (folder / f"{'é' * 100}.yaml").write_text("extends: small.yaml\n")
    names = ["small.yaml", "Small.yaml", "..yaml", f"{'é' * 100}.yaml"]
    plan, _ = make_plan(names, seeds=1)
    assert [entry.label for entry in plan.entries] == ["small", "Small-2", "_", "é" * 60]
