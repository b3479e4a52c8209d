"""Two steps through every part of an experiment, to see that it works; nothing is left of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from minidl import plotting
from minidl.compiled import engine_line
from minidl.compiled.kernel import silent
from minidl.core.extras import install_command
from minidl.core.text import counted
from minidl.experiment import Experiment
from minidl.runs.drawing import save_figures
from minidl.runs.run import Run
from minidl.runs.run_folder import CHECKPOINTS
from minidl.runs.state import restore_trainer
from minidl.tasks import Parts
from minidl.training import EpochRecord, Source
from minidl.training.selection import first_examples, joined
from minidl.training.threads import one_blas_thread

STEPS = 2


@dataclass(frozen=True)
class SmallParts:
    """The data of an experiment, `whole`, with other training and validation examples."""

    whole: Parts
    train: Source
    validation: Source | None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)


def dry_run(experiment: Experiment, parts: Parts, told: Callable[[str], None] = silent) -> None:
    """Train for two steps, validate, save and restore, score and draw: all that a training does, in a temporary folder.

    Parameters
    ----------
    experiment : as it is loaded; it is of no use afterwards.
    parts : its data.
    told : gets a line for each part that has worked.

    Raises
    ------
    MinidlError
        As the training itself would.
    """
    engine = engine_line(experiment.trainer(), experiment.engine, parts.train)
    experiment.engine = "compiled" if engine == "compiled" else "numpy"
    n = STEPS * experiment.training.batch_size * (experiment.training.bptt_steps or 1)
    few = None if parts.validation is None else first_examples(parts.validation, n)
    small: Any = SmallParts(parts, first_examples(parts.train, n), few)
    if experiment.training.refit and parts.validation is not None:
        both = joined(parts.train, parts.validation)
        told(f"refit: {len(both):,} {experiment.evaluation.examples}, which are trained on as the others")
    experiment.training = replace(experiment.training, epochs=1, checkpoint_every=1, refit=False)
    with TemporaryDirectory(prefix="minidl-") as folder:
        made = Run.create(experiment, Path(folder) / experiment.name)
        if engine == "compiled":
            made.notify = told  # the compiler says when it takes time
        else:
            told(f"engine: {engine}")
        (record,) = made.train(small)
        told(f"training: {counted(record.step, 'step')}, loss {record.train_loss:.6g}")
        told(_validated(record))
        _restore(made)
        told("checkpoints: saved and restored")
        scores = _scored(made, parts, told)
        told(_drawn(made, parts, scores))


def _validated(record: EpochRecord) -> str:
    if record.validation_loss is None:
        return "validation: none"
    scores = {"loss": record.validation_loss, **(record.validation_metrics or {})}
    return "validation: " + ", ".join(f"{name} {value:.6g}" for name, value in scores.items())


def _restore(made: Run) -> None:
    """What `resume` does before its first step."""
    trainer = made.experiment.trainer()
    saved = made.checkpoint("last", trainer.model.params, trainer.state)
    restore_trainer(trainer, saved, made.log(), made.path / CHECKPOINTS / "last")


def _scored(made: Run, parts: Parts, told: Callable[[str], None]) -> dict[str, Any]:
    """The scores; that they are not finite says little after two steps."""
    made.load_weights()
    task = made.experiment.evaluation
    with one_blas_thread():
        scores = task.evaluate(parts, made.experiment.scored_model)
    broken = task.broken_score(scores)
    baselines = counted(len(scores["baselines"]), "baseline")
    told(f"scores: those of the model and of {baselines}" + (f" ({broken}, after so few steps)" if broken else ""))
    return scores


def _drawn(made: Run, parts: Parts, scores: dict[str, Any]) -> str:
    if not plotting.have_matplotlib():
        return f"figures: none; matplotlib is not installed ({install_command('plot')})"
    return f"figures: {len(save_figures(made, parts, scores))} drawn"
