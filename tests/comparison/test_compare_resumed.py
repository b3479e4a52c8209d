"""Comparisons that were interrupted, damaged, moved or shared out: they go on with what they have, or say why not."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from comparing import Capture, compare, records

from minidl.comparison.running import run_trials
from minidl.comparison.session import make_plan, run_missing, start
from minidl.comparison.trials import Outcome, Trial, run_trial
from minidl.parallel.executors import processes


def test_an_interrupted_comparison_goes_on_without_repeating_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    import minidl.comparison.running as running

    made: list[tuple[str, int]] = []

    def counted(trial: Trial) -> Outcome:
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append((trial.label, trial.seed))
        return run_trial(trial)

    monkeypatch.setattr(running, "run_trial", counted)
    assert compare("small.yaml", "deep.yaml", "--seeds", "3") == 130
    assert "go on with: minidl compare --resume runs/compare-001" in capsys.readouterr().err
    assert len(records("compare-001")) == 3
    first = dict(records("compare-001"))
    monkeypatch.setattr(running, "run_trial", lambda trial: made.append((trial.label, trial.seed)) or run_trial(trial))
    assert compare("small.yaml", "deep.yaml", "--seeds", "3") == 0  # the same command goes on
    assert "3 of 6 runs are done" in capsys.readouterr().err
    assert len(made) == len(set(made)) == 6
    assert not Path("runs/compare-002").exists()
    whole = records("compare-001")
    assert {name: whole[name] for name in first} == first


def test_an_unfinished_comparison_that_is_not_gone_on_with_is_named_with_what_changed(
    folder: Path, capsys: Capture
) -> None:
    assert compare("small.yaml", "deep.yaml", "--seeds", "1") == 0
    Path("runs/compare-001/comparison.json").unlink()
    with Path("air.csv").open("a") as table:
        table.write("2013-01-11 00:00,50.0,10.0,calm\n")
    more = ("small.yaml", "deep.yaml", "--seeds", "2", "--set", "training.epochs=1")
    capsys.readouterr()
    assert compare(*more) == 0
    line = "runs/compare-001: unfinished, but begun with other configs, seeds and data; starting anew"
    assert line in capsys.readouterr().err.splitlines()
    assert compare(*more) == 0  # the newest is finished: nothing is lost
    assert compare("small.yaml", "twin.yaml", "--seeds", "1") == 0  # another question
    assert "starting anew" not in capsys.readouterr().err


def test_resume_goes_on_with_a_folder_and_a_finished_one_is_only_reported_again(folder: Path) -> None:
    assert compare("small.yaml", "deep.yaml", "--seeds", "2") == 0
    kept = records("compare-001")
    Path("runs/compare-001/runs/deep/seed-0001.json").unlink()
    assert compare("--resume", "runs/compare-001") == 0
    assert records("compare-001") == kept
    before = Path("runs/compare-001/report.md").read_bytes()
    assert compare("--resume", "runs/compare-001") == 0
    assert Path("runs/compare-001/report.md").read_bytes() == before
    assert compare("small.yaml", "deep.yaml", "--seeds", "2") == 0  # finished: the same command repeats it in full
    assert records("compare-002") == kept


@pytest.mark.parametrize("missing", ["comparison.json", "runs/small/seed-0000.json"])
def test_a_comparison_that_lacks_its_result_or_a_run_is_completed(folder: Path, missing: str) -> None:
    asked = ("small.yaml", "deep.yaml", "--seeds", "1")
    assert compare(*asked) == 0
    path = Path("runs/compare-001", missing)
    path.unlink()
    assert compare(*asked) == 0
    assert path.exists()
    assert not Path("runs/compare-002").exists()
    assert compare(*asked) == 0  # nothing is missing: another one
    assert Path("runs/compare-002").exists()


def test_shards_are_joined_to_the_same_records(folder: Path, capsys: Capture) -> None:
    assert compare("small.yaml", "deep.yaml", "--seeds", "3") == 0
    for shard in ("1/2", "2/2"):
        assert compare("small.yaml", "deep.yaml", "--seeds", "3", "--shard", shard) == 0
    one, other = "runs/compare-1of2-001", "runs/compare-2of2-001"
    capsys.readouterr()
    assert compare("--merge", one) == 2
    assert "--merge: 3 of 6 runs are missing: deep seed 0, deep seed 1, deep seed 2." in capsys.readouterr().err
    assert compare("--merge", one, other) == 0
    assert records("compare-002") == records("compare-001")


def test_results_are_the_same_for_any_number_of_jobs_and_any_executor(folder: Path) -> None:
    plan, data = make_plan(["small.yaml", "deep.yaml"], seeds=2)

    @contextmanager
    def threads() -> Any:
        with ThreadPoolExecutor(3) as executor:
            yield executor

    found = []
    for make in (lambda: processes(1), lambda: processes(2), threads):
        session = start(plan, data, fresh=True)
        with session.lock:
            run_missing(session, make)
        found.append(records(session.folder.path.name))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 4


def test_a_task_whose_process_dies_runs_again(folder: Path) -> None:
    plan, _ = make_plan(["small.yaml", "deep.yaml"], seeds=1)
    from concurrent.futures import BrokenExecutor

    from minidl.parallel.executors import Here

    class Dying(Here):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            if not died:
                died.append(args[0])
                raise BrokenExecutor("killed")
            return super().submit(fn, *args, **kwargs)

    died: list[Trial] = []

    @contextmanager
    def dying() -> Any:
        yield Dying()

    done: list[Trial] = []
    assert run_trials(plan.trials(), dying, lambda trial, outcome: done.append(trial)) == []
    assert sorted(trial.label for trial in done) == ["deep", "small"]


def test_a_damaged_record_is_named(folder: Path, capsys: Capture) -> None:
    assert compare("small.yaml", "deep.yaml", "--seeds", "2") == 0
    path = Path("runs/compare-001/runs/deep/seed-0001.json")
    path.write_text(path.read_text().replace('"seed":1', '"seed":0'))
    assert compare("--resume", "runs/compare-001") == 3
    assert f"{path}: damaged; delete it, and the comparison makes this run again." in capsys.readouterr().err


def test_an_edited_plan_is_refused(folder: Path, capsys: Capture) -> None:
    assert compare("small.yaml", "deep.yaml", "--seeds", "2") == 0
    path = Path("runs/compare-001/plan.json")
    path.write_text(path.read_text().replace('"seeds": 2', '"seeds": 3'))
    assert compare("--resume", "runs/compare-001") == 3
    assert "plan.json: damaged or changed" in capsys.readouterr().err


def test_a_comparison_in_use_is_not_started_twice(folder: Path, capsys: Capture) -> None:
    plan, data = make_plan(["small.yaml", "deep.yaml"], seeds=1)
    with start(plan, data).lock:
        assert compare("small.yaml", "deep.yaml", "--seeds", "1") == 75
    assert "another process is using this folder" in capsys.readouterr().err


def test_the_folder_can_be_moved(folder: Path) -> None:
    assert compare("small.yaml", "deep.yaml", "--seeds", "1") == 0
    shutil.move("runs/compare-001", "elsewhere")
    assert compare("--resume", "elsewhere") == 0
