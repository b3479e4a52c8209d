"""Files of a run that are links, pipes or no files at all: refused in one line, nothing else touched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_files import ALL, FOLDERS, everything, refused

from minidl.cli import main


@pytest.mark.parametrize("name", [*ALL, *FOLDERS])
def test_a_link_in_a_run_is_refused_wherever_it_leads(run: Path, name: str) -> None:
    everything(run)
    shutil.move(run / name, "elsewhere")
    (run / name).symlink_to(Path("elsewhere").resolve())
    assert "a symbolic link; the folder must hold its files itself" in refused(run, name)


@pytest.mark.parametrize("name", [*ALL, *FOLDERS])
def test_a_link_is_refused_while_it_is_read_as_well(run: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The look over the folder comes first; without it, as if the link had come later, it is the reading that refuses.
    monkeypatch.setattr("minidl.runs.run_folder.RunFolder.check_links", lambda self: None)
    shutil.move(run / name, "elsewhere")
    (run / name).symlink_to(Path("elsewhere").resolve())
    assert "a symbolic link" in refused(run, name)


@pytest.mark.parametrize("name", ALL)
def test_a_pipe_in_a_run_is_refused_and_hangs_nothing(run: Path, name: str) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    assert "not a regular file" in refused(run, name)


@pytest.mark.parametrize("verb", [["evaluate"], ["predict"], ["summary"], ["resume"], ["reproduce"]])
@pytest.mark.parametrize("name", ["config.yaml", "environment.json", "manifest.json", "checkpoints"])
def test_no_verb_follows_a_link(run: Path, verb: list[str], name: str, capsys: Any) -> None:
    shutil.move(run / name, "elsewhere")
    (run / name).symlink_to(Path("elsewhere").resolve())
    assert main([*verb, "run"]) == 3
    err = capsys.readouterr().err
    assert err == f"minidl {verb[0]}: run/{name}: a symbolic link; the folder must hold its files itself.\n"


def test_a_run_that_the_user_names_by_a_link_is_that_run(run: Path, capsys: Any) -> None:
    Path("latest").symlink_to("run")
    assert main(["predict", "latest"]) == 0
    assert main(["evaluate", "latest"]) == 0


def test_nothing_is_swept_where_a_link_in_a_run_leads(run: Path, capsys: Any) -> None:
    precious = Path("precious")
    for name in (".last.new", ".last.old"):
        (precious / name).mkdir(parents=True)
        (precious / name / "x").write_text("x")
    shutil.copytree(run / "checkpoints", precious, dirs_exist_ok=True)
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").symlink_to(precious.resolve())
    before = sorted(map(str, precious.rglob("*")))
    assert main(["resume", "run"]) == 3
    assert sorted(map(str, precious.rglob("*"))) == before


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.mkdir(), lambda path: path.symlink_to("/dev/zero")])
def test_a_table_or_config_that_is_no_file_is_refused(run: Path, make: Callable[[Path], Any], capsys: Any) -> None:
    make(Path("odd.yaml"))
    text = Path("small.yaml").read_text()
    Path("base.yaml").write_text("extends: odd.yaml\n")
    Path("model.yaml").write_text(text + "\nextends: base.yaml\n")
    commands = [
        (["check", "odd.yaml"], 2),
        (["check", "base.yaml"], 2),
        (["check", "model.yaml"], 2),
        (["check", "small.yaml", "--set", "model=odd.yaml"], 2),
        (["train", "small.yaml", "--set", "data.series.path=odd.yaml"], 4),
        (["predict", "run", "--input", "odd.yaml"], 4),
    ]
    for command, code in commands:
        assert main(command) == code, command
        err = capsys.readouterr().err
        assert err.count("\n") == 1, err
        assert "odd.yaml" in err
    assert not Path("runs").exists()
