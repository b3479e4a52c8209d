"""The verb compare, from end to end on a small table."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from comparing import Capture, compare, records, result

from minidl.cli import main
from minidl.comparison.folder import ComparisonFolder
from minidl.comparison.session import make_plan
from minidl.comparison.trials import Trial, run_trial
from minidl.experiment import load_experiment
from minidl.runs.run import Run


@pytest.mark.figures
def test_a_comparison_writes_its_folder_and_ends_with_the_verdict(folder: Path, capsys: Capture) -> None:
    assert compare("small.yaml", "deep.yaml", "--seeds", "2") == 0
    out, err = capsys.readouterr()
    assert err.startswith("small, deep: depth, width, biases and number of parameters differ")
    assert out.index("What differs") < out.index("R²") < out.index("Verdict")
    assert "runs/compare-001: report.html" in out.splitlines()[-1]
    files = {path.name for path in Path("runs/compare-001").iterdir()}
    assert files >= {"plan.json", "comparison.json", "report.md", "report.html", "figures", "runs"}
    page = Path("runs/compare-001/report.html").read_text(encoding="utf-8")
    assert page.index("What was asked") < page.index("What came out") < page.index("How to repeat it")
    assert "minidl compare small.yaml deep.yaml --seeds 2" in page
    assert "<script" not in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)  # all is inside: no network
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) >= 5
    assert all(re.search(r'alt="[^"]{20,}"', image) for image in images)
    assert "base64" not in Path("runs/compare-001/report.md").read_text(encoding="utf-8")


@pytest.mark.figures
def test_what_the_scores_assume_stands_in_the_report_and_beside_every_picture(folder: Path, capsys: Capture) -> None:
    assert compare("small.yaml", "deep.yaml", "--seeds", "1") == 0
    said = "Scores assume: other columns keep their last values, as in predict."
    assert f"\n{said}\n" in capsys.readouterr().out
    assert result()["assumptions"]["small"] == ["other columns keep their last values, as in predict"]
    assert result()["left_out"] == {}
    report = Path("runs/compare-001/report.md").read_text(encoding="utf-8")
    assert f"- {said}\n" in report
    page = Path("runs/compare-001/report.html").read_text(encoding="utf-8")
    captions = re.findall("<figcaption>(.*?)</figcaption>", page)
    assert captions
    for caption in captions:
        assert said in caption or caption == "Learning curves"  # losses are of known windows


def test_without_times_a_comparison_has_no_yesterday_and_says_why(folder: Path, capsys: Capture) -> None:
    assert compare("small.yaml", "deep.yaml", "--seeds", "1", "--set", "data.series.time=null") == 0
    out = capsys.readouterr().out
    assert "Without “same time yesterday”: the rows have no times, so that nothing says how many make a day." in out
    assert list(result()["baselines"]) == ["persistence", "linear"]
    assert "hour" not in Path("runs/compare-001/report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("rate", "best"), [(1.5, 1), (1.0, 2), (0.3, 4)])
def test_a_record_is_what_train_and_evaluate_give(folder: Path, rate: float, best: int) -> None:
    fast = [f"optimizer.learning_rate={rate}", "training.epochs=4"]
    experiment = load_experiment("small.yaml", [*fast, "seed=1"])
    splits = experiment.load_data()
    run = Run.create(experiment)
    run.train(splits)
    scores = run.evaluate(splits)
    config = load_experiment("small.yaml", fast).to_config()
    record = run_trial(Trial("small", {k: v for k, v in config.items() if k != "seed"}, 1)).record
    assert record["scores"] == {"block": scores["block"], "lead": scores["lead"]}
    assert record["epoch"] == scores["epoch"] == best


def test_two_runs_of_one_config_are_not_told_apart(folder: Path) -> None:
    assert compare("small.yaml", "twin.yaml", "--seeds", "8") == 0
    found = result()
    assert found["confounds"]["sentence"] == "nothing differs: the configs are the same"
    assert found["verdict"]["headline"].startswith("No evidence of a difference between small and twin")
    assert all(row["p_adjusted"] == 1 for row in found["pairs"][0]["rows"].values())


@pytest.mark.parametrize("order", [("small", "worse"), ("worse", "small")])
def test_a_config_made_worse_on_purpose_is_told_apart(folder: Path, order: tuple[str, str]) -> None:
    assert compare(*(f"{name}.yaml" for name in order), "--seeds", "8") == 0
    found = result()
    row = found["pairs"][0]["rows"]["4"]
    assert (row["mean"] < 0) == (order[0] == "small")
    assert found["confounds"]["sentence"] == "learning rate differs"
    assert found["verdict"]["pairs"][0]["better"] == "small"
    assert found["verdict"]["headline"].startswith("small is better than worse")
    assert any("loses to" in line for line in found["verdict"]["lines"])  # three epochs do not beat a linear model


def test_a_failed_run_does_not_sink_the_others_and_is_reported(folder: Path, capsys: Capture) -> None:
    assert compare("small.yaml", "wild.yaml", "--seeds", "3") == 0
    found = result()
    assert len(found["configs"]["wild"]["broken"]) == 3
    assert found["configs"]["small"]["block"]["4"]["r2"]["n"] == 3
    assert "3 of 3 runs of wild ended with NaN or Inf (seeds 0, 1, 2)" in capsys.readouterr().out


def test_where_the_target_never_changes_the_configs_are_compared_by_rmse(folder: Path, capsys: Capture) -> None:
    rows = (folder / "air.csv").read_text().splitlines()
    for i in range(len(rows) - 70, len(rows)):
        date, _, rest = rows[i].split(",", 2)
        rows[i] = f"{date},50.0,{rest}"
    (folder / "air.csv").write_text("\n".join(rows) + "\n")
    for order in (("small", "worse"), ("worse", "small")):
        assert compare(*(f"{name}.yaml" for name in order), "--seeds", "8", "--fresh") == 0
        out, err = capsys.readouterr()
        assert "R² is undefined at 4, 2 and 1 hours: the target is constant in the test part." in out
        assert "MAE, µg/m³: median" in out
        assert "RMSE" in err
        assert "NaN or Inf" not in out
    found = result()
    assert found["configs"]["small"]["broken"] == []
    assert found["configs"]["small"]["block"]["4"]["rmse"]["n"] == 8
    better = [result(name)["verdict"]["pairs"][0]["better"] for name in ("compare-001", "compare-002")]
    assert better[0] == better[1] is not None
    medians = {label: config["block"]["4"]["rmse"]["median"] for label, config in found["configs"].items()}
    assert better[0] == min(medians, key=lambda label: medians[label])


GROWS = """\
extends: small.yaml
dtype: float32
model:
  type: Sequential
  layers:
    - {type: LastStep}
    - {type: Dense, output_size: 1}
optimizer: {type: SGD, learning_rate: 1.0e+9}
training: {epochs: 1, batch_size: 1000}
evaluation: {horizons: [8, 1]}
"""


def test_scores_that_are_not_finite_after_a_finite_training_end_with_5(folder: Path, capsys: Capture) -> None:
    (folder / "grows.yaml").write_text(GROWS)
    (folder / "fine.yaml").write_text("extends: grows.yaml\noptimizer: {learning_rate: 0.1}\n")
    for arguments in (["train", "grows.yaml"], ["evaluate", "runs/grows-001"]):
        assert main(arguments) == 5
        err = capsys.readouterr().err
        assert "runs/grows-001/evaluation.json: the training was finite, but the scores are not (loss of block 8" in err
    assert json.loads(Path("runs/grows-001/evaluation.json").read_text())["block"]["8"]["loss"] is None
    assert compare("grows.yaml", "fine.yaml", "--seeds", "2") == 5
    assert "minidl compare: grows seed 0: the training was finite, but loss of block 8" in capsys.readouterr().err
    assert [run["status"] for run in result()["configs"]["grows"]["broken"]] == ["unscored"] * 2
    assert compare("--resume", "runs/compare-001", "--json") == 5
    assert json.loads(capsys.readouterr().out)["configs"]["fine"]["block"]["8"]["rmse"]["n"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["small.yaml", "dep.yaml"], "dep.yaml: no such file; did you mean deep.yaml?"),
        (["small.yaml", "deep.yaml", "--seeds", "0"], "--seeds: expected 1 to 10,000, got 0"),
        (["small.yaml"], "expected at least two configs"),
        ([], "expected configs to compare"),
        (["small.yaml", "other.yaml"], "scored on different test hours (data.series, data.test_size differ)"),
        (["small.yaml", "steps.yaml"], "small and steps are scored on different test hours (data.time_steps differ)"),
        (["small.yaml", "far.yaml"], "evaluation.horizons is [4, 2, 1] in small and [2] in far"),
        (["small.yaml", "deep.yaml", "--shard", "3/2"], "--shard: expected I/N with 1 <= I <= N"),
        (["--resume", "runs"], "runs: not a folder of a comparison"),
        (["small.yaml", "deep.yaml", "--executor", "dask"], "--executor dask needs --scheduler"),
    ],
)
def test_wrong_input_is_refused_before_training(
    folder: Path, arguments: list[str], message: str, capsys: Capture
) -> None:
    rows = (folder / "air.csv").read_text().splitlines()
    (folder / "longer.csv").write_text("\n".join(rows[:-1]) + "\n")
    (folder / "other.yaml").write_text("extends: small.yaml\ndata: {series: {path: longer.csv}}\n")
    (folder / "steps.yaml").write_text("extends: small.yaml\ndata: {time_steps: 8}\n")
    (folder / "far.yaml").write_text("extends: small.yaml\nevaluation: {horizons: [2]}\n")
    assert compare(*arguments) == 2
    err = capsys.readouterr().err
    assert message.replace(", data.test_size", "") in err
    assert "Traceback" not in err
    assert not Path("runs").exists()


def test_the_same_config_gets_a_name_each_time(folder: Path) -> None:
    plan, _ = make_plan(["small.yaml"] * 4, seeds=1)
    assert [entry.label for entry in plan.entries] == ["small", "small-2", "small-3", "small-4"]


def test_the_protocols_effect_is_measured_for_a_scaler_that_sees_the_test_part(folder: Path) -> None:
    for name in ("small", "deep"):
        text = f"extends: {name}.yaml\ndata: {{scaler: {{type: MinMaxScaler, fit_on: all}}}}\n"
        text += "evaluation: {future_covariates: actual}\n"
        Path(f"{name}_all.yaml").write_text(text)
    assert compare("small_all.yaml", "deep_all.yaml", "--seeds", "2") == 0
    rows = result()["protocol"]["small_all"]
    assert {row["shortcut"] for row in rows} == {"scaler", "weather", "horizon", "plot"}
    made = records("compare-001")
    block = made["small_all/seed-0000.json"]["scores"]["block"]["4"]["r2"]
    honest = made["small_all+fit_on_train/seed-0000.json"]["scores"]["block"]["4"]["r2"]
    scaler = next(row for row in rows if (row["shortcut"], row["horizon"]) == ("scaler", "4"))
    assert min(abs(scaler[end] - (block - honest)) for end in ("low", "high")) < 1e-12
    assert ComparisonFolder.open(Path("runs/compare-001")).missing() == []
