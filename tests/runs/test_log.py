"""log.jsonl: one object a line, readable while it grows."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from minidl.core.errors import CorruptFileError, StorageError
from minidl.runs.log import WriteLog, read_log
from minidl.training import EpochRecord

ANY: Any = None  # the trainer, which the log does not look at
RECORDS = [
    EpochRecord(1, 548, 0.1 + 0.2, None, None, 0.05, 0.25),
    EpochRecord(2, 1096, 1e-7, 0.125, {"r2": float("nan"), "accuracy": 0.5}, 0.05, 0.5),
]


def test_a_line_has_exactly_the_stated_fields(tmp_path: Path) -> None:
    WriteLog(tmp_path / "log.jsonl").on_epoch_end(ANY, RECORDS[0])
    lines = (tmp_path / "log.jsonl").read_bytes().split(b"\n")
    assert lines[1:] == [b""]
    assert json.loads(lines[0]) == {
        "epoch": 1,
        "step": 548,
        "train_loss": 0.30000000000000004,
        "validation_loss": None,
        "learning_rate": 0.05,
        "seconds": 0.25,
    }


def test_every_epoch_is_in_the_file_as_soon_as_it_is_over(tmp_path: Path) -> None:
    log = WriteLog(tmp_path / "log.jsonl")
    for count, record in enumerate(RECORDS, 1):
        log.on_epoch_end(ANY, record)
        assert len(read_log(tmp_path / "log.jsonl")) == count


def test_each_metric_has_a_key_of_its_own(tmp_path: Path) -> None:
    WriteLog(tmp_path / "log.jsonl").on_epoch_end(ANY, RECORDS[1])
    line = json.loads((tmp_path / "log.jsonl").read_bytes())
    assert (line["validation_loss"], line["validation_r2"], line["validation_accuracy"]) == (0.125, None, 0.5)
    metrics = read_log(tmp_path / "log.jsonl")[0].validation_metrics
    assert metrics is not None
    assert (math.isnan(metrics["r2"]), metrics["accuracy"]) == (True, 0.5)


def test_a_log_of_before_there_were_other_metrics_is_read(tmp_path: Path) -> None:
    line = '{"epoch": 1, "step": 5, "train_loss": 0.5, "validation_loss": %s, "validation_r2": %s, %s}\n'
    end = '"learning_rate": 0.05, "seconds": 0.25'
    text = line % (0.25, 0.75, end) + line % (0.25, "null", end) + line % ("null", "null", end)
    (tmp_path / "log.jsonl").write_text(text)
    first, undefined, without = read_log(tmp_path / "log.jsonl")
    assert first == EpochRecord(1, 5, 0.5, 0.25, {"r2": 0.75}, 0.05, 0.25)
    assert math.isnan((undefined.validation_metrics or {})["r2"])
    assert without.validation_metrics is None


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    WriteLog(tmp_path / "log.jsonl").on_epoch_end(ANY, RECORDS[0])
    assert read_log(tmp_path / "log.jsonl") == RECORDS[:1]


@pytest.mark.parametrize("line", ['{"epoch": 1', "[1]", '{"epoch": 1}', '"x"', "{}", '{"epoch": 1, "stp": 2}'])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log.jsonl"
    WriteLog(path).on_epoch_end(ANY, RECORDS[0])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(CorruptFileError, match=r"log\.jsonl:2: not a line of a training log\.$"):
        read_log(path)


def test_bytes_that_are_no_text_are_a_corrupt_file(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(CorruptFileError, match=r"log\.jsonl:1: not a line of a training log\.$"):
        read_log(path)


def test_an_undefined_r2_is_null_for_json_has_no_nan(tmp_path: Path) -> None:
    WriteLog(tmp_path / "log.jsonl").on_epoch_end(ANY, RECORDS[1])
    assert '"validation_r2": null' in (tmp_path / "log.jsonl").read_text()


def test_a_missing_log_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"log\.jsonl: no such file"):
        read_log(tmp_path / "log.jsonl")


def test_a_log_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"log\.jsonl: cannot write: No such file or directory\.$"):
        WriteLog(tmp_path / "gone" / "log.jsonl").on_epoch_end(ANY, RECORDS[0])
