"""The figures of a run, drawn by another process, so that the training need not wait for matplotlib.

That process is a copy of this one (forked, so on Linux only), taken as soon as the data are there. It imports
matplotlib while the model is trained, and draws what needs no scores while the model is scored. It says nothing,
changes no file but the figures, and ends when this one does. Whatever goes wrong with it, the figures are drawn here.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import warnings
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from minidl import plotting
from minidl.core.interrupt import leave_signals_to_the_parent
from minidl.core.standard_streams import lead_nowhere
from minidl.experiment import Experiment
from minidl.plotting import style as look
from minidl.runs.drawing import Drawn, Figures, early_figures, save_figures
from minidl.runs.run import Run
from minidl.tasks import Parts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECONDS = 60.0  # so long it is waited for at most


class DrawnApart:
    """Context manager: within it, another process is there to draw the figures of a run.

    Parameters
    ----------
    experiment, parts : of the run, which has not begun: no lock is held, no thread is at work, and matrix products
        are set to one; see `minidl.training.threads.blas_threads`.
    """

    def __init__(self, experiment: Experiment, parts: Parts) -> None:
        self._child: int | None = None
        # Where matplotlib is loaded, there is little to win.
        if sys.platform != "linux" or "matplotlib.figure" in sys.modules or not plotting.have_matplotlib():
            return
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(SECONDS)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # until it has its own handlers
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the threads of BLAS, which knows about copies
                self._child = os.fork()
        except OSError:
            self._channel.close()
        if self._child == 0:
            _serve(self._channel, theirs, before, experiment, parts)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def __enter__(self) -> DrawnApart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            self._channel.close()

    def begin(self, run: Run) -> None:
        """The run is trained: let what needs no scores be drawn meanwhile."""
        self._send(str(run.path.absolute()))

    def save_figures(self, run: Run, parts: Parts, scores: dict[str, Any]) -> list[Path]:
        """As `minidl.runs.drawing.save_figures`, for the run of `begin`."""
        self._send(scores)
        names = None
        if self._child is not None:
            try:
                names = json.loads(self._channel.makefile("rb").readline() or "null")
            except (OSError, ValueError):
                names = None
        self.__exit__(None, None, None)
        return save_figures(run, parts, scores) if names is None else [run.path / name for name in names]

    def _send(self, message: Any) -> None:
        if self._child is not None:
            try:
                self._channel.sendall(json.dumps(message).encode() + b"\n")
            except (OSError, ValueError, TypeError):
                self.__exit__(None, None, None)


def _serve(parent: socket.socket, channel: socket.socket, mask: Any, experiment: Experiment, parts: Parts) -> None:
    """What the other process does, from its beginning to its end."""
    try:
        leave_signals_to_the_parent()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        parent.close()
        lead_nowhere()
        gc.freeze()  # as in `minidl.__main__`: to look through all modules takes longer than to make a figure
        plotting.load_matplotlib()
        lines = channel.makefile("rb")
        run = Run(Path(json.loads(lines.readline())), experiment)
        run.load_weights()
        early = _drawn_in_copies(early_figures(run, parts))
        files = save_figures(run, parts, json.loads(lines.readline()), early, _drawn_in_copies)
        names = [str(file.relative_to(run.path)) for file in files]
        channel.sendall(json.dumps(names).encode() + b"\n")
    finally:
        os._exit(0)


def _drawn_in_copies(figures: Figures) -> Drawn:
    """The figures' PNGs, each drawn by a further copy of this process, all at the same time.

    What it returns raises OSError if one of them failed.
    """
    sent = {name: _drawn_in_a_copy(figure) for name, figure in figures}

    def drawn() -> dict[str, bytes]:
        found = {name: one.makefile("rb").read() for name, one in sent.items()}
        if not all(found.values()):
            raise OSError("a figure is missing")
        return found

    return drawn


def _drawn_in_a_copy(figure: Figure) -> socket.socket:
    """Where the PNG of a figure will come from; nothing comes if that fails."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        try:
            ours.close()  # else it would wait for ever to be read, once nobody else is there
            theirs.sendall(look.png(figure))
            theirs.close()  # before all memory is given back, which takes a while
        finally:
            os._exit(0)
    theirs.close()
    return ours
