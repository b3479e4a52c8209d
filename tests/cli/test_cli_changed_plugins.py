"""A plugin is given again on the command line, and must be the one of the start; paths begin at the home folder."""

from __future__ import annotations

import hashlib
import json
import os
import py_compile
from pathlib import Path

import pytest
from command_line import Cli

from minidl.core import registry
from minidl.core.errors import ConfigError, IncompatibleRunError
from minidl.files import plugins
from minidl.files.plugins import load_plugin, loaded_plugins, plugin_changes, plugin_records
from minidl.runs.run import Run

PLUGIN = """
from dataclasses import dataclass
from minidl import INFERENCE, Layer, register

@register
@dataclass(eq=False)
class OwnScale(Layer):
    def forward(self, x, ctx=INFERENCE):
        return x * FACTOR, None
    def backward(self, dy, cache):
        return dy * FACTOR, {}
"""
MODEL = "model.layers=[{type: OwnScale}, LastStep, {type: Dense, output_size: 1}]"


def write(factor: str = "2.0", path: str = "mine.py") -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(PLUGIN.replace("FACTOR", factor))
    return path


@pytest.fixture
def run(folder: Path, cli: Cli) -> str:
    """A run of a config that needs a plugin."""
    done = cli("train", "small.yaml", "--plugin", write(), "--set", MODEL, "--run-dir", "run")
    assert done.code == 0, done.err
    return "run"


def test_the_content_of_a_plugin_is_recorded_by_its_hash(run: str) -> None:
    recorded = json.loads(Path(run, "environment.json").read_text())["plugins"]
    assert recorded == [{"path": "mine.py", "sha256": hashlib.sha256(Path("mine.py").read_bytes()).hexdigest()}]


@pytest.mark.parametrize("verb", ["resume", "reproduce"])
def test_a_plugin_that_has_changed_is_refused(run: str, cli: Cli, verb: str) -> None:
    write("3.0")
    refused = cli(verb, run, "--plugin", "mine.py")
    assert refused.code == 3
    assert "run: --plugin mine.py: its content has changed since the start" in refused.err
    assert cli(verb, run, "--plugin", write("2.0")).code == 0


def test_a_changed_plugin_is_taken_when_resume_is_told_so_and_is_the_one_from_then_on(run: str, cli: Cli) -> None:
    write("3.0")
    assert cli("resume", run, "--plugin", "mine.py", "--allow-changes", "--set", "training.epochs=4").code == 0
    assert cli("resume", run, "--plugin", "mine.py").code == 0
    assert cli("resume", run, "--plugin", write("2.0")).code == 3


def forget() -> None:
    """As in a new process, no plugin has registered anything."""
    for _, entries in registry._KINDS.values():
        entries.pop("OwnScale", None)
    plugins._plugins.clear()


def test_where_a_plugin_lies_does_not_matter(run: str, cli: Cli) -> None:
    Path("mine.py").unlink()
    forget()
    assert cli("reproduce", run, "--plugin", write(path="elsewhere/other.py")).code == 0


@pytest.mark.parametrize("verb", ["resume", "reproduce", "evaluate", "predict", "export", "summary"])
def test_no_file_of_a_run_names_code_that_is_run(run: str, cli: Cli, verb: str) -> None:
    """Without --plugin the file is not touched, although the run tells where it lay."""
    Path("mine.py").write_text(Path("mine.py").read_text() + "\nopen('hacked', 'w')\n")
    forget()
    refused = cli(verb, run)
    assert refused.code == 3
    assert refused.err.splitlines()[-1].endswith("the run's config is damaged, or needs --plugin mine.py.")
    assert not Path("hacked").exists()


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_what_is_computed_with_another_plugin_says_so(run: str, cli: Cli, verb: str) -> None:
    write("3.0")
    done = cli(verb, run, "--plugin", "mine.py")
    assert done.code == 0
    assert "run: --plugin mine.py: its content has changed since the start" in done.err
    assert "mine.py: its content" not in cli(verb, run, "--plugin", write("2.0")).err


def test_the_bytes_that_are_run_are_those_that_are_hashed(folder: Path) -> None:
    """A compiled file beside it, of the same time and size, is not what is run."""
    Path("mine.py").write_text("VALUE = 1\n")
    stamp = os.stat("mine.py")
    py_compile.compile("mine.py")
    Path("mine.py").write_text("VALUE = 2\n")
    os.utime("mine.py", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    module = load_plugin("mine.py")
    assert module.VALUE == 2
    assert loaded_plugins()[str(Path("mine.py").resolve())] == hashlib.sha256(b"VALUE = 2\n").hexdigest()
    assert load_plugin("mine.py") is module
    Path("mine.py").write_text("VALUE = 3\n")
    assert load_plugin("mine.py").VALUE == 3


def test_a_plugin_of_another_content_than_was_meant_is_not_run(folder: Path) -> None:
    Path("mine.py").write_text("open('hacked', 'w')\n")
    with pytest.raises(IncompatibleRunError, match=r"^--plugin mine\.py: its content is not that of the start\.$"):
        load_plugin("mine.py", "0" * 64)
    os.mkfifo("pipe.py")
    with pytest.raises(ConfigError, match=r"^--plugin pipe\.py: no such Python file \(\.py\)\.$"):
        load_plugin("pipe.py")
    with pytest.raises(ConfigError, match=r"^--plugin \$MINE/own\.py: no such Python file \(\.py\); a variable"):
        load_plugin("$MINE/own.py")
    assert not Path("hacked").exists()


def test_every_recorded_plugin_must_be_there(folder: Path) -> None:
    for name in ("a.py", "b.py"):
        Path(name).write_text(f"NAME = '{name}'\n")
    records = plugin_records(["a.py", "b.py"])
    load_plugin("a.py")
    assert plugin_changes(records) == ["--plugin b.py: was used at the start and is not given now"]
    load_plugin("b.py")
    assert plugin_changes(records) == []
    assert plugin_changes(["of an earlier version.py"]) == []


def test_another_optimizer_starts_its_state_afresh_and_says_so(folder: Path, cli: Cli) -> None:
    short = ["--set", "training.epochs=2", "--set", "engine=numpy"]
    assert cli("train", "small.yaml", *short, "--set", "optimizer={type: Adam}", "--run-dir", "run").code == 0
    change = ["resume", "run", "--set", "training.epochs=4", "--set", "optimizer={type: SGD, learning_rate: 0.1}"]
    assert cli(*change).code == 2
    done = cli(*change, "--allow-changes")
    assert done.code == 0
    assert "optimizer: Adam when the run was saved, SGD now; its state starts afresh" in done.err
    more = ["--set", "training.epochs=5", "--set", "optimizer.momentum=0.9", "--allow-changes"]
    done = cli("resume", "run", *more)
    assert done.code == 0
    assert "optimizer: other arguments of SGD; its state starts afresh" in done.err
    done = cli("resume", "run", "--set", "training.epochs=6", "--set", "optimizer.momentum=0.8", "--allow-changes")
    assert done.code == 0
    assert "afresh" not in done.err


def test_another_optimizer_in_an_edited_config_is_refused_by_its_key(folder: Path, cli: Cli) -> None:
    assert cli("train", "small.yaml", "--set", "optimizer={type: Adam}", "--run-dir", "run").code == 0
    config = Path("run/config.yaml")
    config.write_text(config.read_text().replace("type: Adam", "type: OwnAdam"))
    assert cli("resume", "run").code == 3
    text = config.read_text()
    start, end = text.index("optimizer:"), text.index("loss:")
    config.write_text(text[:start] + "optimizer: {type: SGD, learning_rate: 0.1}\n" + text[end:])
    refused = cli("resume", "run")
    assert refused.code == 3
    assert 'run: config.yaml: optimizer.type: "Adam" when the run was saved, "SGD" now' in refused.err


def test_the_summary_of_a_run_says_which_engine_trained_it(folder: Path, cli: Cli) -> None:
    assert cli("train", "small.yaml", "--set", "engine=numpy", "--run-dir", "run").code == 0
    assert "engine: numpy (trained this run)" in cli("summary", "run").out.splitlines()
    assert json.loads(cli("summary", "run", "--json").out)["engine"] == "numpy (trained this run)"
    made = Run.open("run")
    for name in ("numpy", "compiled", "compiled"):
        made.add_engine(name)
    assert "engine: numpy, then compiled (trained this run)" in cli("summary", "run").out.splitlines()


def test_a_tilde_is_the_home_folder_wherever_a_path_may_stand(
    folder: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("air.csv", "small.yaml"):
        Path(name).rename(home / name)
    (home / "more.yaml").write_text("extends: ~/small.yaml\ndata:\n  series:\n    path: ~/air.csv\n")
    (home / "model.yaml").write_text("type: Sequential\nlayers: [LastStep, {type: Dense, output_size: 1}]\n")
    write(path="home/mine.py")
    assert cli("check", "~/small.yaml", "--plugin", "~/mine.py", "--set", "model=~/model.yaml").code == 0
    assert cli("train", "~/more.yaml", "--run-dir", "~/run", "--plugin", "~/mine.py").code == 0
    assert (home / "run/config.yaml").exists()
    assert cli("train", "~/small.yaml", "--set", "data.series.path=~/air.csv", "--run-dir", "~/two").code == 0
    assert cli("evaluate", "~/run").code == 0
    assert cli("summary", "~/run").code == 0
    assert cli("predict", "~/run", "--input", "~/air.csv", "--output", "~/out.csv").code == 0
    assert (home / "out.csv").exists()
    assert cli("predict", "~/run", "--output", "~/out.csv").code == 2
    assert cli("reproduce", "~/run", "--run-dir", "~/again").code == 0
    assert cli("resume", "~/run").code == 0
    assert not Path("~").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "$DATA/small.yaml"], 2),
        (["check", "$DATA"], 2),
        (["check", "small.yaml", "--set", "model=$DATA/model.yaml"], 2),
        (["check", "extends.yaml"], 2),
        (["check", "small.yaml", "--plugin", "$DATA/mine.py"], 2),
        (["train", "small.yaml", "--set", "data.series.path=$DATA/air.csv"], 4),
        (["evaluate", "$DATA/run"], 2),
    ],
)
def test_that_a_variable_is_not_replaced_is_said_where_it_is_met(
    folder: Path, cli: Cli, arguments: list[str], code: int
) -> None:
    Path("extends.yaml").write_text("extends: ${DATA}/base.yaml\n")
    refused = cli(*arguments)
    assert refused.code == code
    assert "; a variable such as $HOME is not replaced in a path, only ~ is" in refused.err
    assert refused.err.count("\n") == 1
