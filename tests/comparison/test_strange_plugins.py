"""Plugins of a folder that somebody else made: never run unless they are given again, unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from comparing import Capture, compare
from strange_folders import CONFIGS, ONE, change, refused

from minidl.comparison.session import make_plan, start
from minidl.comparison.trials import run_trial
from minidl.core.errors import CorruptFileError

PLUGIN = """\
from pathlib import Path

from minidl import HalfMSE, register

Path("ran.txt").write_text("{version}")


@register
class Mine(HalfMSE):
    pass
"""


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
