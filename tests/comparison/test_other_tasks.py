"""Models of any task are compared: here one of a user's own, with two metrics, one row and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from minidl.cli import main
from minidl.compiled.jit import numba_installed

Capture = pytest.CaptureFixture[str]
PLUGIN = Path(__file__).with_name("rising.py")
CONFIG = """\
dtype: float64
engine: numpy
data: {type: Walks}
model:
  type: Sequential
  layers:
    - {type: RecurrentLayer, hidden_size: 3}
    - {type: LastStep}
    - {type: Dense, output_size: 1}
loss: MSE
optimizer: {type: Adam, learning_rate: 0.03}
training: {epochs: 6, batch_size: 16}
evaluation: {type: Rising}
"""
BAD = "extends: good.yaml\noptimizer: {learning_rate: 0.00001}\n"


@pytest.fixture
def walks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    if not request.node.get_closest_marker("figures"):
        monkeypatch.setattr("minidl.plotting.style.have_matplotlib", lambda: False)
    monkeypatch.chdir(tmp_path)
    Path("good.yaml").write_text(CONFIG)
    Path("bad.yaml").write_text(BAD)
    return tmp_path


def compare(*arguments: str) -> int:
    return main(["compare", *arguments, "--plugin", str(PLUGIN), "--jobs", "1"])


def result() -> Any:
    return json.loads(Path("runs/compare-001/comparison.json").read_text(encoding="utf-8"))


no_numba = pytest.mark.skipif(not numba_installed(), reason="needs numba")
CASES = [
    (("good", "bad"), "numpy"),
    (("bad", "good"), "numpy"),
    pytest.param(("good", "bad"), "compiled", marks=[no_numba, pytest.mark.slow]),
]


@pytest.mark.parametrize(("order", "engine"), CASES)
def test_the_better_of_two_is_found_in_either_order_and_engine(
    walks: Path, order: tuple[str, str], engine: str
) -> None:
    assert compare(*(f"{name}.yaml" for name in order), "--seeds", "6", "--set", f"engine={engine}") == 0
    found = result()
    assert found["asked"]["rows"] == ["test part"]
    assert found["asked"]["tested"] == {"test part": "hits"}
    assert [config["engines"] for config in found["configs"].values()] == [[engine]] * 2
    (pair,) = found["verdict"]["pairs"]
    assert pair["better"] == "good"
    assert re.fullmatch(
        r"good is better than bad: share of hits of good is higher by 0\.\d{4} on average \(95 % interval .*\), "
        r"and better in 6 of 6 seeds; corrected p = 0\.031\.",
        pair["sentence"],
    )
    row = found["pairs"][0]["rows"]["test part"]
    for first, second, d in zip(
        *(found["configs"][n]["scores"]["test part"]["hits"]["values"] for n in order), row["differences"], strict=True
    ):
        assert d == pytest.approx(second - first)


@pytest.mark.figures
def test_report_tables_and_pictures_speak_of_the_task_and_of_nothing_else(walks: Path, capsys: Capture) -> None:
    assert compare("good.yaml", "bad.yaml", "--seeds", "6") == 0
    out, err = capsys.readouterr()
    assert re.search(r"^ 1/12  good seed 0: share of hits [01]\.\d{3}, ", err, re.MULTILINE)
    assert "Share of hits: median (lowest to highest) of 6 seeds\n" in out
    assert "Skill against always up: median (lowest to highest) of 6 seeds\n" in out
    assert "Brier score, pt: median (lowest to highest) of 6 seeds\n" in out
    report = Path("runs/compare-001/report.md").read_text(encoding="utf-8")
    page = Path("runs/compare-001/report.html").read_text(encoding="utf-8")
    assert "Which of good, bad does better? Each was trained with the same 6 seeds." in report
    assert "Skill is the part of the way from always up to a perfect score: 0 is as good as “always up”" in report
    assert "multiply-adds a sequence" in report
    foreign = ("hour", "window", "r²", "horizon", "forecast", "persistence", " h |", "rmse", "block", "assume")
    for text in (out, err, report, re.sub('base64,[^"]*', "", page.partition("</style>")[2])):
        said = text.replace(str(walks), "").lower()
        assert [word for word in foreign if word in said] == []
    figures = {path.stem for path in Path("runs/compare-001/figures").iterdir()}
    assert figures == {"scores", "differences", "curves", "all_hits_good", "all_hits_bad"}
    assert page.count("<img ") == 5
    seed = result()["configs"]["good"]["median_seed"]
    assert f"![All hits of good, seed {seed}.](figures/all_hits_good.svg)" in report
    assert f"<figcaption>All hits: good, seed {seed} (the median run).</figcaption>" in page


def test_skill_is_the_part_of_the_way_to_a_perfect_score(walks: Path) -> None:
    assert compare("good.yaml", "bad.yaml", "--seeds", "2") == 0
    found = result()
    always = found["baselines"]["always_up"]["scores"]["test part"]["hits"]
    scores = found["configs"]["good"]["scores"]["test part"]
    assert scores["skill"]["values"] == pytest.approx(
        [(hits - always) / (1 - always) for hits in scores["hits"]["values"]]
    )
    worse = [
        seed
        for seed, hits in enumerate(found["configs"]["bad"]["scores"]["test part"]["hits"]["values"])
        if hits < always
    ]
    assert found["configs"]["bad"]["failed_to_train"] == worse


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            "data: {test_size: 50}",
            "scored on different test sequences (data.test_size differ), so their scores cannot be",
        ),
        (
            "data: {drawn: 4}",
            "(data.drawn differ), so their scores cannot be compared. Give both the same data and test",
        ),
    ],
)
def test_other_test_parts_are_refused(walks: Path, other: str, message: str, capsys: Capture) -> None:
    Path("other.yaml").write_text(f"extends: good.yaml\n{other}\n")
    assert compare("good.yaml", "other.yaml", "--seeds", "1") == 2
    assert message in capsys.readouterr().err


def test_models_in_another_number_format_are_compared(walks: Path) -> None:
    Path("coarse.yaml").write_text("extends: good.yaml\ndtype: float32\n")
    assert compare("good.yaml", "coarse.yaml", "--seeds", "1") == 0
    assert result()["confounds"]["sentence"] == "number format differs"


def test_models_of_different_tasks_are_not_compared(folder: Path, capsys: Capture) -> None:
    Path("walks.yaml").write_text(CONFIG)
    assert compare("small.yaml", "walks.yaml", "--seeds", "1") == 2
    assert "evaluation.type is Forecast in small and Rising in walks; their scores cannot be" in capsys.readouterr().err


def test_what_the_scores_assume_is_said_where_there_is_something(walks: Path, capsys: Capture) -> None:
    assert compare("good.yaml", "bad.yaml", "--seeds", "1", "--set", "evaluation.assumed=walks are fair") == 0
    assert "Scores assume: walks are fair." in capsys.readouterr().out


def test_a_comparison_goes_on_and_is_reported_again(walks: Path) -> None:
    assert compare("good.yaml", "bad.yaml", "--seeds", "2") == 0
    report = Path("runs/compare-001/report.md").read_bytes()
    Path("runs/compare-001/runs/bad/seed-0001.json").unlink()
    assert main(["compare", "--resume", "runs/compare-001", "--plugin", str(PLUGIN), "--jobs", "1"]) == 0
    told = re.sub(rb"\d+\.\d s", b"", Path("runs/compare-001/report.md").read_bytes())
    assert len(told.splitlines()) == len(report.splitlines())
    assert result()["configs"]["bad"]["runs"] == 2
