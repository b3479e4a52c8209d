"""The figures of a run, drawn into its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minidl.plotting import loss_figure
from minidl.plotting import style as look
from minidl.runs.run import Run
from minidl.tasks import Parts
from minidl.training.threads import one_blas_thread

if TYPE_CHECKING:
    from matplotlib.figure import Figure


Figures = Iterable[tuple[str, "Figure"]]
Drawn = Callable[[], dict[str, bytes]]


def early_figures(run: Run, parts: Parts) -> Iterator[tuple[str, Figure]]:
    """What can be drawn before the run is scored: what its task has, and its losses, if an epoch is complete.

    The task's come first, which take longer: they can be drawn while those of the losses are made.
    """
    task, name = run.experiment.evaluation, type(run.experiment.loss).__name__
    with one_blas_thread():
        outputs = task.draw_outputs(run.experiment.scored_model, parts)
    yield from outputs.items()
    records = run.log() if (run.path / "log.jsonl").exists() else []
    if records:
        loss_name = name if run.experiment.loss.labels else f"{name}, scaled values"
        about = task.validated(parts)
        yield "loss.png", loss_figure(records, loss_name=loss_name, metric=task.metrics[0], about=about)


def drawn_in_turn(figures: Figures) -> Drawn:
    """The figures' PNGs, one after the other."""
    return lambda: {name: look.png(figure) for name, figure in figures}


def save_figures(
    run: Run,
    parts: Parts,
    scores: dict[str, Any],
    early: Drawn | None = None,
    draw: Callable[[Figures], Drawn] = drawn_in_turn,
) -> list[Path]:
    """Draw a run's figures into its folder: loss.png, and those of its task.

    Parameters
    ----------
    run : its model holds the weights that `scores` are of.
    scores : what ``run.evaluate`` returned.
    early : what `draw` returned of `early_figures`, if that was called already.
    draw : begins to draw figures; what it returns waits for their PNGs.

    Returns
    -------
    The files. Without a single complete epoch there is no loss.png.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    StorageError
        A file cannot be written.
    """
    early = early or draw(early_figures(run, parts))
    with one_blas_thread():
        late = draw(run.experiment.evaluation.draw(run.experiment.scored_model, parts, scores).items())
    pictures = early() | late()
    return [look.write_png(run.path / "figures" / name, png) for name, png in pictures.items()]
