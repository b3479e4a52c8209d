"""minidl new experiment NAME --from TABLE: what the config says of gaps, and that it trains whatever they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minidl.cli import main
from minidl.data import WindowData
from minidl.experiment import load_experiment

N, TEST, VALIDATION = 480, 96, 60  # of the config: a window has 24 rows, and more than 6 are too long


def write(gaps: dict[str, np.ndarray]) -> None:
    """A table of hours with these gaps, (N,), in columns y and z."""
    rng = np.random.default_rng(0)
    values = {"y": np.sin(np.arange(N) / 4) + rng.normal(0, 0.1, N), "z": rng.normal(size=N)}
    for name, where in gaps.items():
        values[name][where] = np.nan
    times = np.datetime64("2020-01-01T00:00") + np.arange(N) * np.timedelta64(60, "m")
    rows = [f"{time},{y:.3f},{z:.3f}".replace("nan", "NA") for time, y, z in zip(times, *values.values(), strict=True)]
    Path("table.csv").write_text("\n".join(["when,y,z", *rows]) + "\n", encoding="utf-8")


def some(*runs: tuple[int, int]) -> np.ndarray:
    where = np.zeros(N, bool)
    for first, length in runs:
        where[first : first + length] = True
    return where


def made(capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    """The config, or the refusal; what was shown is read away."""
    assert main(["new", "experiment", "mine", "--from", "table.csv", "--target", "y"]) == code
    return capsys.readouterr().err if code else Path("mine.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trains(text: str) -> tuple[str, ...]:
    """It does as it stands, and loads with what is a comment; the features with that."""
    assert main(["train", "mine.yaml", "--set", "training.epochs=1", "--set", "engine=numpy"]) == 0
    asked = [line.replace("# derived", "derived").replace("# longest_gap", "longest_gap") for line in text.splitlines()]
    Path("asked.yaml").write_text("\n".join(asked), encoding="utf-8")
    return load_experiment("asked.yaml").data.feature_names


def test_a_table_without_gaps_says_nothing_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    write({})
    text = made(capsys)
    assert not any(word in text for word in ("longest_gap", "GapMask", "missing"))


def test_short_gaps_are_filled_and_a_mask_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    few = some((10, 6), (200, 3))  # 9 of 480 rows are less than 2 %
    write({"y": few, "z": np.arange(N) % 10 == 3})
    text = made(capsys)
    assert "longest_gap" not in text
    assert "  # missing: 10 % of z; a mask tells the model where:\n" in text
    assert "what was a gap in y is neither trained on nor scored" in text
    assert trains(text) == ("y", "z", "z filled")


def test_windows_with_long_gaps_are_left_out_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    # A gap of 7 from row 100 on stands in the windows from 77 to 106, one of 9 from row 376 on in those from 353 to
    # 359; that of the test part is counted by nobody.
    write({"z": some((100, 7), (376, 9)), "y": some((N - TEST + 40, 30))})
    text = made(capsys)
    data = load_experiment("mine.yaml").data
    assert isinstance(data, WindowData)
    assert data.longest_gap == 6
    assert "# these are 30 of 300 training windows and 7 of 36 validation windows\n" in text
    notes = data.load().notes()
    assert [line.partition(" windows left out: a gap")[0] for line in notes if "longest_gap" in line] == [
        "30 of 300 training",
        "7 of 36 validation",
    ]
    assert "31 % of y is missing in the test part: it is not scored" in text
    trains(text)


def test_long_gaps_of_the_test_part_alone_ask_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write({"y": some((N - TEST + 40, 30))})
    assert "longest_gap" not in made(capsys)


def test_a_limit_that_costs_more_than_half_is_a_comment(capsys: pytest.CaptureFixture[str]) -> None:
    write({"z": some((50, 200))})
    text = made(capsys)
    assert "\n  # longest_gap: 6 " in text
    assert "# these are 223 of 300 training windows and 0 of 36 validation windows\n" in text
    trains(text)


def test_a_target_that_is_known_nowhere_in_a_part_is_looked_for_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write({"y": some((N - TEST - VALIDATION, VALIDATION))})
    text = made(capsys)
    assert f"size: {2 * VALIDATION}}}" in text
    trains(text)
    Path("mine.yaml").unlink()
    write({"y": some((N - TEST + 5, TEST - 5))})
    assert "table.csv: y is missing in the last 96 rows, so that nothing can be scored; leave" in made(capsys, code=3)
    write({"y": some((30, N - 40))})
    assert "table.csv: Windows: none of " in made(capsys, code=3)


def test_gaps_of_several_targets_are_told_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    write({"y": some((N - TEST + 40, 10)), "z": some((N - TEST + 40, 20))})
    assert main(["new", "experiment", "mine", "--from", "table.csv", "--target", "y", "--target", "z"]) == 0
    shown = capsys.readouterr().out
    assert "what was a gap in y and z is neither trained on nor scored" in shown
    assert "10 % of y is missing in the test part" in shown
    assert "21 % of z is missing in the test part" in shown
    Path("mine.yaml").unlink()
    write({"z": some((N - TEST + 5, TEST - 5))})
    assert main(["new", "experiment", "mine", "--from", "table.csv", "--target", "y", "--target", "z"]) == 3
    assert "table.csv: z is missing in the last 96 rows" in capsys.readouterr().err
