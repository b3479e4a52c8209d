"""Figures drawn by another process: the same as drawn here, and here where that process is gone."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from small_runs import small

from minidl import plotting
from minidl.core.errors import StorageError
from minidl.files.locking import LOCK, is_locked
from minidl.plotting import style as look
from minidl.runs import drawing, drawing_apart
from minidl.runs.drawing_apart import DrawnApart
from minidl.runs.run import Run

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux only"),
    pytest.mark.skipif(not plotting.have_matplotlib(), reason="matplotlib is not installed"),
    pytest.mark.usefixtures("folder"),
]
FILES = ["error_by_lead.png", "forecast.png", "loss.png"]


@pytest.fixture(autouse=True)
def _without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process."""
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)


@pytest.fixture
def drawn_here(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The runs whose figures this process draws."""
    runs: list[Run] = []

    def save(run: Run, *args: Any) -> list[Path]:
        runs.append(run)
        return drawing.save_figures(run, *args)

    monkeypatch.setattr(drawing_apart, "save_figures", save)
    return runs


def train(before_losses: Any = None, before_figures: Any = None) -> tuple[Run, list[Path]]:
    """A run, and what the process says that it has drawn."""
    experiment = small("training.epochs=1")
    parts = experiment.load_data()
    with DrawnApart(experiment, parts) as apart:
        run = Run.create(experiment)
        run.train(parts)
        if before_losses is not None:
            before_losses(apart, run)
        apart.begin(run)
        scores = run.evaluate(parts)
        if before_figures is not None:
            before_figures(apart, run)
        return run, apart.save_figures(run, parts, scores)


def contents(files: list[Path]) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in files}


def kill(apart: DrawnApart, run: Run) -> None:
    assert apart._child is not None
    os.kill(apart._child, signal.SIGKILL)


def test_its_figures_are_those_that_are_drawn_here(drawn_here: list[Run]) -> None:
    run, files = train()
    assert drawn_here == [], "they were drawn here"
    assert sorted(file.name for file in files) == FILES
    assert sorted((run.path / "figures").iterdir()) == sorted(files)
    found = contents(files)
    parts = run.experiment.load_data()
    assert contents(drawing.save_figures(run, parts, run.evaluate(parts))) == found


@pytest.mark.parametrize("when", ["before_losses", "before_figures"])
def test_where_the_process_was_killed_the_figures_are_drawn_here(drawn_here: list[Run], when: str) -> None:
    run, files = train(**{when: kill})
    assert drawn_here == [run]
    assert sorted(file.name for file in files) == FILES
    assert all(file.exists() for file in files)


def test_where_a_single_figure_fails_all_are_drawn_here(drawn_here: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
    process, png = os.getpid(), look.png

    def failing(figure: Any) -> bytes:
        """Of the figure of errors by lead, in another process."""
        if os.getpid() != process and figure.get_suptitle().startswith("Error by lead"):
            raise MemoryError
        return png(figure)

    monkeypatch.setattr(look, "png", failing)
    run, files = train()
    assert drawn_here == [run]
    assert sorted(file.name for file in files) == FILES


def test_where_the_process_does_not_answer_the_figures_are_drawn_here(
    drawn_here: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing_apart, "SECONDS", 0.1)
    run, files = train(before_figures=lambda apart, run: os.kill(apart._child, signal.SIGSTOP))
    assert drawn_here == [run]
    assert all(file.exists() for file in files)


def test_what_the_process_cannot_write_is_told_here(drawn_here: list[Run]) -> None:
    def spoil(apart: DrawnApart, run: Run) -> None:
        (run.path / "figures").write_text("a file where the folder should be")

    with pytest.raises(StorageError, match=r"forecast\.png: cannot write: "):
        train(before_figures=spoil)
    assert len(drawn_here) == 1


def test_the_process_is_gone_with_what_it_was_for() -> None:
    experiment = small()
    parts = experiment.load_data()
    with DrawnApart(experiment, parts) as apart:
        child = apart._child
    assert child is not None
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_process_ends_with_the_one_that_it_is_for() -> None:
    """And does not keep the run's lock, so that a killed run can be resumed at once."""
    experiment = small()
    parts = experiment.load_data()
    told, tell = os.pipe()  # which both have
    trainer = os.fork()
    if trainer == 0:
        DrawnApart(experiment, parts).__enter__()
        Run.create(experiment, Path("killed"))
        os.write(tell, b"begun")
        signal.pause()
    os.close(tell)
    assert os.read(told, 100) == b"begun"
    os.kill(trainer, signal.SIGKILL)
    os.waitpid(trainer, 0)
    assert not is_locked(Path("killed") / LOCK)
    assert os.read(told, 100) == b"", "comes when neither has the pipe any more"
    os.close(told)
    assert not (Path("killed") / "figures").exists()


def test_what_draws_ends_where_nobody_waits_for_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the scores are NaN, and the training ends with an error."""
    told, tell = os.pipe()  # which all of them have

    def large(figure: Any) -> bytes:
        os.write(tell, b".")
        return bytes(1 << 22)  # more than anybody takes who does not read

    monkeypatch.setattr(look, "png", large)
    experiment = small("training.epochs=1")
    parts = experiment.load_data()
    with DrawnApart(experiment, parts) as apart:
        run = Run.create(experiment)
        run.train(parts)
        apart.begin(run)
        begun = b""
        while len(begun) < 2:
            begun += os.read(told, 1)
    os.close(tell)
    ended = select.select([told], [], [], 30)[0]
    assert ended, "a process still draws"
    assert os.read(told, 1) == b"", "comes when none of them has the pipe any more"
    os.close(told)


def test_where_no_process_can_be_started_the_figures_are_drawn_here(
    drawn_here: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    run, files = train()
    assert drawn_here == [run]
    assert sorted(file.name for file in files) == FILES
