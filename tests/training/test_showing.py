"""What is shown of epochs, on a terminal and elsewhere."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from minidl.metrics import Metric
from minidl.training.records import EpochRecord
from minidl.training.showing import ShowEpochs

ACCURACY = Metric("accuracy", "accuracy of classes", True)


def trainer(epoch: int = 0) -> Any:
    return SimpleNamespace(settings=SimpleNamespace(epochs=10), epoch=epoch, finished=None)


def record(epoch: int, validation: float | None = None, metrics: dict[str, float] | None = None) -> EpochRecord:
    return EpochRecord(epoch, 4 * epoch, 0.5, validation, metrics, 0.1, 1.234)


class Terminal(io.StringIO):
    """Text for a terminal."""

    def isatty(self) -> bool:
        return True


def test_elsewhere_than_on_a_terminal_an_epoch_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown = ShowEpochs([ACCURACY])
    shown.on_start(trainer())
    shown.on_epoch_end(trainer(), record(1))
    shown.on_epoch_end(trainer(), record(9, 0.25, {"accuracy": 0.75, "other": float("nan")}))
    shown.on_epoch_end(trainer(), record(10, 0.25))
    shown.on_end(trainer())
    score = ACCURACY.shown(0.75)
    assert capsys.readouterr().err.splitlines() == [
        "epoch  1/10  train 0.500000  1.23 s",
        f"epoch  9/10  train 0.500000  validation 0.250000  accuracy of classes {score}  other -  1.23 s",
        "epoch 10/10  train 0.500000  validation 0.250000  1.23 s",
    ]


def test_on_a_terminal_a_bar_goes_on_from_the_epochs_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    shown = ShowEpochs()
    shown.on_start(trainer(epoch=6))
    shown.on_epoch_end(trainer(), record(7, 0.25))
    shown.close()
    shown.close()  # after an error too, whoever else has closed it
    text = sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "6/10" in text
    assert "7/10" in text
    assert "train 0.500000  validation 0.250000" in text
    assert "epoch  7/10" not in text


@pytest.mark.parametrize(
    ("epoch", "finished", "said"),
    [
        (4, "nothing got better", "ended after 4 epochs: nothing got better\n"),
        (1, "it is enough", "ended after 1 epoch: it is enough\n"),
        (10, "nothing got better", ""),  # after the last epoch there would be no more anyway
        (4, None, ""),  # a signal; whoever stopped it says so
    ],
)
def test_why_there_are_no_more_epochs_is_said_where_there_could_be(
    epoch: int, finished: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = trainer(epoch)
    ended.finished = finished
    ShowEpochs().on_end(ended)
    assert capsys.readouterr().err == said
