"""What holds for every verb: help, version, unknown words, pipes that close."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli

from minidl import __version__
from minidl.cli import VERBS, main

EXIT_CODES = ("0 done", "2 wrong config or usage", "3 corrupt", "4 cannot read or write", "5 NaN or Inf", "129/130/143")


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-m", "minidl", *arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, text=True, env=environment, timeout=100, check=False, **options)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(cli: Cli, verb: str) -> None:
    outcome = cli(verb, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"usage: minidl {verb} ")
    assert all(code in outcome.out for code in EXIT_CODES)


def test_no_verbs_help_waits_for_the_library() -> None:
    # Nor does the usage error of one; catches a module of `arguments` that imports what its verb works with.
    code = f"""
import sys
from minidl.cli import main
for verb in {[*VERBS]}:
    main([verb, "--help"])
rooms = {{name.split(".")[1] for name in sys.modules if name.startswith("minidl.")}}
sys.stderr.write(" ".join(sorted(rooms | {{"numpy", "yaml", "msgspec"}} & {{*sys.modules}})))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == "_version cli core"


@pytest.mark.parametrize("argument", ["--help", "-h"])
def test_the_overview_names_every_verb(cli: Cli, argument: str) -> None:
    outcome = cli(argument)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("usage: minidl VERB ...")
    assert all(code in outcome.out for code in EXIT_CODES)
    for verb, text in VERBS.items():
        assert f"{verb:<12} {text}" in outcome.out


def test_without_a_verb_the_overview_goes_to_standard_error(cli: Cli) -> None:
    outcome = cli()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("usage: minidl VERB ...")


def test_the_version(cli: Cli) -> None:
    assert cli("--version").out == f"minidl {__version__}\n"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("trian", "minidl: unknown command 'trian'; did you mean train?"),
        ("help", "minidl: unknown command 'help'; did you mean --help?"),
        ("--verison", "minidl: unknown command '--verison'; did you mean --version?"),
        ("checklayer", "minidl: unknown command 'checklayer'; did you mean check-layer?"),
        ("os.system", "minidl: unknown command 'os.system'; known: "),
    ],
)
def test_an_unknown_verb_is_refused_with_a_suggestion(cli: Cli, word: str, message: str) -> None:
    outcome = cli(word)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line.startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "minidl train: the following arguments are required: CONFIG; see minidl train --help"),
        (["train", "x", "--bogus"], "minidl train: unrecognized arguments: --bogus; see minidl train --help"),
        (["train", "x", "--plug", "y"], "minidl train: unrecognized arguments: --plug y; did you mean --plugin?; see"),
        (["predict", "x", "--horizon", "two"], "minidl predict: argument --horizon: invalid int value: 'two'; see "),
        (["evaluate", "x", "--checkpoint", "bets"], "minidl evaluate: argument --checkpoint: invalid choice: 'bets' "),
        (["list"], "minidl list: say what to list: layers, initializers, losses, "),
        (["list", "layer"], "minidl list: argument kind: invalid choice: 'layer' (choose from"),
        (["new", "model", "x"], "minidl new: argument what: invalid choice: 'model' (choose from"),
    ],
)
def test_wrong_usage_is_one_line(cli: Cli, arguments: list[str], message: str) -> None:
    outcome = cli(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line.startswith(message)


def test_python_m_minidl_is_the_same_command(tmp_path: Path) -> None:
    done = process("summary", "pm25_deep", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["parameters"] == 26
    done = process("summary", "pm25_dep", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("minidl summary: pm25_dep: no such file, and no config of that name comes with")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["list", "layers"], ["schema"]])
def test_a_reader_that_has_gone_is_no_error(arguments: list[str]) -> None:
    # As in `minidl schema | head -1`, where head ends first.
    read, write = os.pipe()
    os.close(read)
    try:
        done = process(*arguments, stdout=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(select, "poll"), reason="pipes as on POSIX")
def test_a_slow_reader_gets_everything_where_writes_do_not_wait() -> None:
    # A pipe that other programs have told not to block, as some terminals and ssh do; it is full long before the end.
    read, write = os.pipe()
    os.set_blocking(write, False)
    code = """
from minidl.core.output import show
from minidl.core.standard_streams import guarded_standard_streams
with guarded_standard_streams():
    show("x" * 300_000)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=write, stderr=subprocess.PIPE) as started, open(read, "rb") as reader:
        os.close(write)
        select.select([reader], [], [])  # it has begun, and nothing was read
        assert len(reader.read()) == 300_001
        assert (started.wait(), started.stderr and started.stderr.read()) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["schema"]])
def test_an_output_that_a_disk_does_not_take_is_said_in_one_line(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = process(*arguments, stdout=full)
    assert (done.returncode, done.stderr) == (0, "minidl: standard output: No space left on device\n")


def test_main_takes_the_arguments_of_the_process(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["minidl", "--version"])
    assert main() == 0
    assert capsys.readouterr().out == f"minidl {__version__}\n"


def test_a_fault_of_minidl_itself_is_not_hidden(cli: Cli, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("minidl.cli.check.load_experiment", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        cli("check", "small.yaml")


def test_a_model_that_does_not_fit_into_memory_is_one_line(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    def large(*_: object) -> None:
        raise MemoryError("Unable to allocate 275. MiB")

    monkeypatch.setattr("minidl.cli.check.load_experiment", large)
    outcome = cli("check", "small.yaml")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line == (
        "minidl check: not enough memory; a smaller model, batch or table needs less (Unable to allocate 275. MiB)."
    )


def test_ctrl_c_outside_training_ends_with_130(cli: Cli, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("minidl.cli.check.load_experiment", interrupted)
    outcome = cli("check", "small.yaml")
    assert (outcome.code, outcome.line) == (130, "minidl check: interrupted")
