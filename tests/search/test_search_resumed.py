"""Searches that were stopped, changed or damaged: they go on as if nothing had been, or say why not."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from searching import Capture, search, trials, write_search

from minidl.search import database, running
from minidl.search.trying import Attempt, Tried, run_attempt

pytest.importorskip("optuna", reason="Optuna is not installed")


def stop_after(n: int, monkeypatch: pytest.MonkeyPatch, signal: int | None = None) -> None:
    """The trial after the n-th is interrupted."""
    done: list[Tried] = []

    def counted(attempt: Attempt) -> Tried:
        if len(done) == n:
            if signal is None:
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal)
        done.append(run_attempt(attempt))
        return done[-1]

    monkeypatch.setattr(running, "run_attempt", counted)


@pytest.mark.parametrize(("signal", "code"), [(None, 130), (15, 143)])
def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(
    signal: int | None, code: int, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert search("small.yaml", "--trials", "13") == 0
    whole = trials(capsys)
    with monkeypatch.context() as patch:
        stop_after(11, patch, signal)
        assert search("small.yaml", "--trials", "13") == code
    assert "go on with: minidl search --resume runs/search-002 --jobs 1" in capsys.readouterr().err
    assert not Path("runs/search-002/best.yaml").exists()
    assert search("--resume", "runs/search-002") == 0
    assert "runs/search-002: 13 trials of 2 keys, by validation_loss; 11 are done" in capsys.readouterr().err
    assert trials(capsys, "search-002") == whole
    assert {trial["state"] for trial in whole} == {"complete", "pruned"}
    assert whole[10]["values"] != whole[12]["values"]


def test_more_trials_can_be_asked_for_and_the_first_ones_stay(made: Path, capsys: Capture) -> None:
    four = trials(capsys)
    assert search("--resume", str(made), "--trials", "5") == 0
    assert trials(capsys)[:4] == four
    assert len(trials(capsys)) == 5


def test_a_search_that_was_stopped_before_its_database_was_there_starts(made: Path, capsys: Capture) -> None:
    four = trials(capsys)
    (made / "study.db").unlink()
    (made / ".study.db.new").write_bytes(b"half of it")
    assert search("--resume", str(made)) == 0
    assert trials(capsys) == four


def test_the_folder_can_be_moved(made: Path, capsys: Capture) -> None:
    shutil.move(made, "a folder? 100% new")
    assert search("--resume", "a folder? 100% new", "--trials", "5") == 0
    assert "next: minidl train 'a folder? 100% new/best.yaml'" in capsys.readouterr().out


def refused(capsys: Capture, *arguments: str, code: int = 3) -> str:
    """The one line with which a search ends."""
    capsys.readouterr()
    assert search(*arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    return line.removeprefix("minidl search: ")


def test_another_config_space_or_data_are_refused(made: Path, capsys: Capture) -> None:
    again = ("small.yaml", "--resume", str(made))
    assert search(*again) == 0
    line = refused(capsys, *again, "--set", "training.epochs=4")
    assert line == f"{made}: was begun with another config; start a new search."
    line = refused(capsys, *again, "--set", "search={optimizer.learning_rate: [0.1, 0.2]}")
    assert line == f"{made}: was begun with another search; start a new search."
    line = refused(capsys, "--resume", str(made), "--set", "training.epochs=4", code=2)
    assert line == "--resume takes its config from the folder; --set is for the start of a search."
    with Path("air.csv").open("a") as table:
        table.write("2013-01-11 00:00,50.0,10.0,calm\n")
    assert refused(capsys, "--resume", str(made)) == f"{made}: was begun with other data; start a new search."


def test_a_search_in_use_is_not_gone_on_with(made: Path, capsys: Capture) -> None:
    from minidl.files.locking import LOCK, FileLock

    with FileLock(made / LOCK):
        assert "another process is using this folder" in refused(capsys, "--resume", str(made), code=75)


def execute(made: Path, *statements: str) -> None:
    with closing(sqlite3.connect(made / "study.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


STRANGE = {
    "a trigger": (
        "CREATE TRIGGER evil AFTER INSERT ON trials BEGIN DELETE FROM trials; END",
        "it holds a trigger that is none of Optuna's: evil.",
    ),
    "a view": ("CREATE VIEW evil AS SELECT 1", "it holds a view that is none of Optuna's: evil."),
    "a table": ("CREATE TABLE evil (x)", "it holds a table that is none of Optuna's: evil."),
    "no study": ("DELETE FROM studies", "it holds 0 studies; expected one, named minidl."),
    "another study": ("UPDATE studies SET study_name = 'x'", "it holds 1 studies; expected one, named minidl."),
    "a direction": ("UPDATE study_directions SET direction = 'MAXIMIZE'", "it is the database of another search."),
    "an identity": ("UPDATE study_user_attributes SET value_json = '\"x\"'", "it is the database of another search."),
    "a running trial": ("UPDATE trials SET state = 'RUNNING' WHERE number = 1", "trial 1 has not ended."),
    "an unknown state": ("UPDATE trials SET state = 'ODD'", "damaged, or no database of a search (LookupError: "),
    "an infinite score": (
        "UPDATE trial_values SET value_type = 'INF_POS', value = NULL",
        "trial 0 has a score that is not finite.",
    ),
    "a better score": ("UPDATE trial_values SET value = 0.0", "trial 0 has another score than its epoch "),
    "a text for a number": ("UPDATE trial_params SET param_value = 'x'", "damaged, or no database of a search ("),
    "a value outside": (
        "UPDATE trial_params SET param_value = 5.0 WHERE param_name LIKE '%rate'",
        "optimizer.learning_rate has a value that is none of the search.",
    ),
    "another space": (
        "UPDATE trial_params SET distribution_json = replace(distribution_json, '0.0001', '0.001')",
        "trial 0 is of another space than the config's search.",
    ),
    "a class": (
        'UPDATE trial_params SET distribution_json = \'{"name": "os.system", "attributes": {"a": 1}}\'',
        "damaged, or no database of a search (ValueError: ",
    ),
    "no json": ("UPDATE trial_params SET distribution_json = '{'", "damaged, or no database of a search ("),
    "a missing value": ("DELETE FROM trial_params WHERE trial_id = 1", "trial 0 is of another space than the config's"),
    "a note": ("UPDATE trial_user_attributes SET value_json = '[]'", "trial 0 has notes that are not minidl's."),
    "no version": (
        "UPDATE alembic_version SET version_num = 'v9'",
        "damaged, or no database of a search (RuntimeError",
    ),
    "a lost table": ("DROP TABLE trial_values", "trial 0 has a score that is not finite."),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_strange_database_is_refused_in_one_line(what: str, made: Path, capsys: Capture) -> None:
    statement, message = STRANGE[what]
    execute(made, statement)
    line = refused(capsys, "--resume", str(made))
    assert line.startswith(f"{made}/study.db: {message}")


def test_a_damaged_or_foreign_file_is_refused_in_one_line(made: Path, capsys: Capture) -> None:
    path = made / "study.db"
    whole = path.read_bytes()
    path.write_bytes(b"no database")
    assert refused(capsys, "--resume", str(made)) == f"{path}: it is no SQLite database."
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(capsys, "--resume", str(made)).startswith(f"{path}: ")
    path.write_bytes(whole[:4096] + b"\xff" * 8192 + whole[12288:])
    assert refused(capsys, "--resume", str(made)).startswith(f"{path}: ")
    path.write_bytes(whole)
    path.chmod(0o666)
    assert refused(capsys, "--resume", str(made)) == f"{path}: can be written to by others."
    path.unlink()
    path.mkdir()
    assert refused(capsys, "--resume", str(made)) == f"{path}: not a regular file."
    path.rmdir()
    Path("elsewhere.db").write_bytes(whole)
    path.symlink_to(Path("elsewhere.db").resolve())
    assert "a symbolic link" in refused(capsys, "--resume", str(made))


def test_the_database_of_another_search_is_refused(made: Path, capsys: Capture) -> None:
    assert search("small.yaml", "--trials", "1") == 0
    shutil.copy("runs/search-002/study.db", made / "study.db")
    assert refused(capsys, "--resume", str(made)) == f"{made}/study.db: it is the database of another search."


@pytest.mark.parametrize("name", ["study.yaml", "manifest.json"])
def test_an_edited_file_is_refused(name: str, made: Path, capsys: Capture) -> None:
    path = made / name
    path.write_text(path.read_text().replace("3", "4", 1))
    assert "damaged" in refused(capsys, "--resume", str(made))


def test_what_is_no_search_is_refused(folder: Path, capsys: Capture) -> None:
    line = refused(capsys, "--resume", "runs/search-009", code=2)
    assert line == "runs/search-009: not a folder of a search (it has no study.yaml)."
    line = refused(capsys, code=2)
    assert line == "expected a config to search, for example: minidl search pm25_search"
    assert refused(capsys, "small.yaml", "--trials", "0", code=2) == "--trials: expected 1 to 10,000, got 0."
    write_search(folder, "")
    assert refused(capsys, "small.yaml", code=2).startswith("small: has no search:, which says what to try, for ")
    assert not Path("runs").exists()


def test_nothing_of_the_database_is_unpickled(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: Any, **more: Any) -> Any:
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "loads", never)
    monkeypatch.setattr(pickle, "load", never)
    monkeypatch.setattr(pickle, "Unpickler", never)
    assert search("--resume", str(made), "--trials", "5") == 0


def test_the_database_is_the_users_alone(made: Path) -> None:
    assert stat.S_IMODE((made / "study.db").stat().st_mode) == 0o600


def test_what_interrupts_the_making_of_a_database_arrives_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Caught here: Ctrl-C while Optuna was imported ended in "module 'sqlalchemy' has no attribute 'exc'".
    called: list[str] = []

    def errors() -> tuple[type[Exception], ...]:
        called.append("errors")
        return (OSError,)

    def storage(path: Path) -> None:
        called.append("storage")
        raise KeyboardInterrupt

    monkeypatch.setattr(database, "_storage", storage)
    monkeypatch.setattr(database, "_database_errors", errors)
    with pytest.raises(KeyboardInterrupt):
        database.Database.create(tmp_path / "study.db", {}, larger_is_better=False, identity="")
    assert called == ["errors", "storage"]
