"""Links, pipes and stray files in the folder of a comparison: refused in one line, or passed over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from comparing import Capture, compare
from strange_folders import CONFIGS, ONE, refused

from minidl.comparison.session import make_plan


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize(
    "name", ["runs/zz", "runs/deep/zz", "figures", ".lock", "runs/deep/seed-0000.json", "comparison.json", "zz"]
)
def test_links_in_a_folder_are_refused_and_nothing_is_touched_where_they_lead(
    made: Path, name: str, capsys: Capture
) -> None:
    outside = made / "outside"
    outside.mkdir()
    for victim in (".seed-0000.json.new", ".plan.json.old", "seed-0000.json"):
        (outside / victim).write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in [outside, *outside.iterdir()]}
    place = ONE / name
    if place.is_dir():
        place.rmdir()
    place.unlink(missing_ok=True)
    place.symlink_to(outside if "json" not in name and name != ".lock" else outside / "seed-0000.json")
    refused(capsys, f"{place}: a symbolic link; the folder must hold its files itself.")
    assert {path: path.stat().st_mtime_ns for path in [outside, *outside.iterdir()]} == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
@pytest.mark.parametrize("name", ["plan.json", "data.json", "manifest.json", "runs/deep/seed-0000.json", ".lock"])
def test_pipes_in_a_folder_hang_nothing(made: Path, name: str, capsys: Capture) -> None:
    (ONE / name).unlink(missing_ok=True)
    os.mkfifo(ONE / name)
    code = compare("--resume", str(ONE))
    err = capsys.readouterr().err
    assert code in (3, 4)
    assert len(err.splitlines()) == 1
    assert "regular file" in err or ".lock" in err


@pytest.mark.parametrize("name", ["runs", "figures", "runs/small"])
def test_a_file_where_a_folder_should_be_is_refused_before_anything_is_trained(
    made: Path, name: str, capsys: Capture
) -> None:
    shutil.rmtree(ONE / name, ignore_errors=True)
    (ONE / name).write_text("")
    refused(capsys, f"{ONE / name}: not a folder.")


@pytest.mark.parametrize("name", ["comparison.json", "report.md", "report.html"])
def test_a_folder_where_a_file_should_be_is_refused_before_anything_is_trained(
    made: Path, name: str, capsys: Capture
) -> None:
    (ONE / name).unlink(missing_ok=True)
    (ONE / name).mkdir()
    refused(capsys, f"{ONE / name}: not a regular file.")


def test_stray_folders_beside_are_passed_over(made: Path, capsys: Capture) -> None:
    for number, content in enumerate(['{"format": 4, "shard": [1]}', "[" * 5000, "\0", '{"format": 4}'], 100):
        (path := Path(f"runs/compare-{number}")).mkdir()
        (path / "plan.json").write_text(content)
    Path("runs/compare-200").mkdir()
    Path("runs/compare-201").write_text("a file")
    if os.name != "nt":
        Path("runs/compare-202").symlink_to(made)
        os.mkfifo("runs/compare-203")
        Path("runs/compare-204").mkdir()
        os.mkfifo("runs/compare-204/plan.json")
        Path("runs/compare-205").mkdir()
        Path("runs/compare-205/plan.json").symlink_to("/dev/zero")
    assert compare(*CONFIGS) == 0
    err = capsys.readouterr().err
    assert "runs/compare-001: goes on; 1 of 2 runs are done" in err
    assert err.count("passed over, as no comparison that can be read: ") == (4 if os.name == "nt" else 6)


def test_labels_that_differ_in_case_only_get_folders_of_their_own(folder: Path) -> None:
    (folder / "Small.yaml").write_text("extends: small.yaml\n")
    (folder / "..yaml").write_text("extends: small.yaml\n")
    (folder / f"{'é' * 100}.yaml").write_text("extends: small.yaml\n")
    names = ["small.yaml", "Small.yaml", "..yaml", f"{'é' * 100}.yaml"]
    plan, _ = make_plan(names, seeds=1)
    assert [entry.label for entry in plan.entries] == ["small", "Small-2", "_", "é" * 60]
