"""The folder of several comparisons together: what its pages say, and where its picture's marks stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from comparing import Capture, compare
from test_across import write

from minidl import plotting
from minidl.comparison.across import across
from minidl.comparison.across_report import across_figure, headline, write_across
from minidl.plotting import style


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    write(Path("a"), air_single=[0.5, 0.5, 0.5, 0.5], air_deep=[0.6, 0.6, 0.5, 0.4])
    write(Path("b"), echo_single=[0.1, None], echo_deep=[0.9, 0.8])
    return across([Path("a"), Path("b")])


def test_a_task_has_the_numbers_of_its_own_seeds(found: dict[str, Any]) -> None:
    air, echo = found["tasks"].values()
    assert (air["name"], echo["name"]) == ("air", "echo")
    assert air["contenders"]["deep"]["wins"]["value"] == 2.5 / 4
    assert air["contenders"]["single"]["rank"]["value"] == (2 + 2 + 1.5 + 1) / 4
    assert echo["contenders"]["deep"]["skill"]["value"] == pytest.approx(1 - (0.1**2 + 0.2**2) / 2)
    assert echo["contenders"]["single"]["wins"]["value"] == 0
    for what in ("rank", "wins", "skill"):
        means = [task["contenders"]["deep"][what]["value"] for task in (air, echo)]
        assert found["contenders"]["deep"][what]["value"] == pytest.approx(sum(means) / 2)


def test_configs_without_a_common_word_are_called_like_their_folder(tmp_path: Path) -> None:
    folders = [write(tmp_path / name, single=[0.1, 0.2], deep=[0.2, 0.3]) for name in ("a", "b")]
    assert [task["name"] for task in across(folders)["tasks"].values()] == ["a", "b"]


def test_the_verb_leaves_a_folder_with_reports(found: dict[str, Any], capsys: Capture) -> None:
    assert compare("--across", "a", "b") == 0
    folder = Path("runs/across-001")
    assert capsys.readouterr().out.endswith("runs/across-001: report.html, report.md, across.json, figures\n")
    assert json.loads((folder / "across.json").read_text()) == found
    text = (folder / "report.md").read_text()
    assert text.startswith("# single and deep over 2 tasks\n")
    assert f"**{headline(found)}**" in text
    assert "| air | a | air_single, air_deep | R² |" in text
    assert "$ minidl compare --across a b\n" in text
    wins = text[text.index("| Wins, % of seeds and other contenders |") :].splitlines()
    assert wins[0] == "| Wins, % of seeds and other contenders | single | deep |"
    assert wins[2].startswith("| air | 38 (")
    assert wins[3] == "| echo | 0 (0 to 88) | 100 (12 to 100) |"
    page = (folder / "report.html").read_text()
    assert "<h1>single and deep over 2 tasks</h1>" in page
    assert ("data:image/svg+xml" in page) == plotting.have_matplotlib()
    assert compare("--across", "a", "b", "--json") == 0
    assert json.loads(capsys.readouterr().out)["folder"] == "runs/across-002"


def test_the_headline_says_whether_it_is_about_other_tasks(found: dict[str, Any]) -> None:
    assert headline(found).startswith("deep ranks first: its mean rank is 1.19 (")
    assert headline(found).endswith(
        "That their skill differs on other tasks like these is not shown (permutation test over 2 tasks, p = 0.500)."
    )
    found["pairs"][0]["tasks"] |= {"p": 0.05, "p_adjusted": 0.05}
    assert "like these is shown (permutation test over 2 tasks, p = 0.050)." in headline(found)
    # Of several pairs the p that is corrected decides.
    found["pairs"] = [{**found["pairs"][0], "tasks": {"p": 0.02, "p_adjusted": 0.06, "of": 7}}] * 3
    assert "is not shown (permutation test over 7 tasks, p = 0.020, corrected p = 0.060)." in headline(found)


def test_names_are_shown_and_never_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Caught here: a label from a folder of someone else that is HTML in the page.
    monkeypatch.chdir(tmp_path)
    found = across([write(Path(n), **{"x_<b>": [0.1, 0.2], "x_[a](b)": [0.2, 0.3]}) for n in ("a", "b")])
    page = (write_across(found) / "report.html").read_text()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "[a](b)" not in (tmp_path / "runs/across-001/report.md").read_text()


def test_marks_of_the_picture_stand_at_the_numbers(found: dict[str, Any]) -> None:
    pytest.importorskip("matplotlib")
    figure = across_figure(found)
    rows = [*(task["contenders"] for task in found["tasks"].values()), found["contenders"]]
    for ax, what, times in zip(figure.axes, ("skill", "wins"), (1, 100), strict=True):
        assert [tick.get_text() for tick in ax.get_yticklabels()] == ["air", "echo", "all tasks"]
        for k, name in enumerate(("deep", "single")):  # by rank
            of_color = [line for line in ax.lines if line.get_color() == style.COLORS[k]]
            marks = [tuple(map(float, line.get_xydata()[0])) for line in of_color if len(line.get_xydata()) == 1]
            values = [(times * row[name][what]["value"], i) for i, row in enumerate(rows) if row[name][what]["value"]]
            drawn = [(x, round(y)) for x, y in marks if x]
            assert drawn == [(pytest.approx(x), i) for x, i in values], (what, name)
            bars = [tuple(line.get_xdata()) for line in of_color if len(line.get_xydata()) == 2]
            ends = [row[name][what] for row in rows if row[name][what]["low"] is not None]
            assert bars == [(pytest.approx(times * one["low"]), pytest.approx(times * one["high"])) for one in ends]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["deep", "single"]
