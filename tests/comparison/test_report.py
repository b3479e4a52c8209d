"""The order of a report's parts, in Markdown and in HTML alike, from made-up runs."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_up import analysed, baseline, of_two, record

from minidl.comparison import report, tables
from minidl.comparison.entries import Entry
from minidl.comparison.page import PAGE
from minidl.comparison.pictures import Picture
from minidl.comparison.verdict import undefined_words
from minidl.forecasting.over_time import over_time_table
from minidl.forecasting.shortcuts import shortcuts_table

GOOD, BAD = [0.70, 0.72, 0.71], [0.60, 0.63, 0.20]
FIGURES = {
    "scores": "scores",
    "differences": "differences",
    "error_by_lead": "tables",
    "curves": "end",
    "forecast_one": "end",
    "by_parameters": "sweep",
    "by_seconds": "sweep",
}


@pytest.fixture
def pictures(tmp_path: Path) -> list[Picture]:
    made = []
    for name, place in FIGURES.items():
        path = tmp_path / f"{name}.svg"
        path.write_text(f"<svg>{name}</svg>")
        made.append(Picture(path, f"title of {name}", f"words for {name}", place))
    return made


def two(**more: Any) -> dict[str, Any]:
    leads = [{"lead": "1", "statistic": 3.4, "p": 0.0004, "n": 1234, "lags": 0}]
    over_time = [{"first": "one", "second": "other", "seeds": [2, 0], "leads": leads}]
    return {**of_two(GOOD, BAD), "over_time": over_time, **more}


def many(count: int) -> dict[str, Any]:
    return analysed([record(f"net{i}", seed, 0.5 + 0.1 * seed + 0.01 * i) for i in range(count) for seed in range(2)])


def blocks(result: dict[str, Any], pictures: list[Picture]) -> list[report.Block]:
    return list(report._blocks(result, pictures, "minidl compare a.yaml"))


def outline(result: dict[str, Any], pictures: list[Picture]) -> dict[str, list[str]]:
    """By heading: what stands under it, a table by the cell at its top left or the one beside that."""
    sections: dict[str, list[str]] = {}
    for block in report.markdown(blocks(result, pictures)).strip().split("\n\n"):
        cells = [cell.strip() for cell in block.splitlines()[0].split("|")] if block.startswith("|") else []
        figure = re.fullmatch(r"!\[words for (\w+)\]\(figures/(\w+)\.svg\)", block.replace("\\", ""))
        if block.startswith("## "):
            sections[block[3:]] = []
        elif cells:
            sections[next(reversed(sections))].append(f"table {next(filter(None, cells))}")
        elif figure:
            assert figure[1] == figure[2]
            sections[next(reversed(sections))].append(f"figure {figure[1]}")
        else:
            kind = {"- ": "list", "**": "strong", "``": "code"}.get(block[:2], "text")
            sections[next(reversed(sections))].append(kind)
    return sections


SCORES = ["text", "list", "figure scores", "table R²", "table Skill", "table RMSE, µg/m³", "figure error_by_lead"]


def test_every_part_stands_under_its_heading(pictures: list[Picture]) -> None:
    best = {"parameters": True, "seconds": False}
    point = {"short": "a=1", "score": 0.7, "parameters": 11, "seconds": 1.0, "best_by": best}
    assert outline(two(trade_offs=[point]), pictures) == {
        "What was asked": ["text", "text", "table one"],
        "What came out": ["strong", "list"],
        "How to repeat it": ["code"],
        "Scores": [*SCORES, "text", "table runs", "text", "table runs"],
        "Paired differences": ["text", "figure differences", "table second - first", "text", "table lead"],
        "Sweep": ["text", "table R² 4 h, median", "figure by_parameters", "figure by_seconds"],
        "What the protocol does to the number": ["text", "text", "table shortcut", "text", "table shortcut"],
        "Failures and costs": ["table runs", "table layers", "figure curves", "figure forecast_one"],
    }


def test_without_pictures_and_later_tests_the_parts_are_the_same_but_for_these() -> None:
    for over_time in ([], [{**two()["over_time"][0], "leads": []}]):
        found = outline(two(over_time=over_time), [])
        assert not [part for parts in found.values() for part in parts if part.startswith("figure")]
        assert found["Paired differences"] == ["text", "table second - first"]
        assert "Sweep" not in found


@pytest.mark.parametrize(
    ("count", "protocol", "spread"), [(4, True, True), (5, False, True), (6, False, True), (7, False, False)]
)
def test_of_many_configs_long_tables_are_left_out(count: int, protocol: bool, spread: bool) -> None:
    result = many(count)
    found = outline(result, [])
    assert ("What the protocol does to the number" in found) == protocol
    assert found["Scores"].count("table runs") == 2 * spread
    text = report.markdown(blocks(result, []))
    names = ", ".join(f"net{i}" for i in range(count)) if spread else "7 configs"
    assert f"Which of {names} forecasts better?" in text
    assert ("see the sweep below" in text) != spread


def test_a_protocol_that_says_nothing_is_left_out() -> None:
    assert "What the protocol does to the number" not in outline(two(protocol={"one": [], "other": []}), [])


def test_each_table_is_that_of_its_place() -> None:
    result = two()
    found = [block[1] for block in blocks(result, []) if block[0] == "table"]
    scores = [tables.scores_table(result, metric) for metric in tables.shown_metrics(result)]
    for table, title in zip(scores, ("R²", "Skill", "RMSE, µg/m³"), strict=True):
        table[0][0] = title
    assert found == [
        tables.confounds_table(result),
        *scores,
        tables.spread_table(result, "block"),
        tables.spread_table(result, "lead"),
        tables.differences_table(result),
        over_time_table(result["over_time"], "h"),
        shortcuts_table(result["protocol"]["one"], "h", {"r2": "R²"}),
        shortcuts_table(result["protocol"]["other"], "h", {"r2": "R²"}),
        tables.failures_table(result),
        tables.cost_table(result),
    ]


def test_the_two_runs_that_are_compared_over_time_are_named_with_their_seeds() -> None:
    assert "one with seed 2 and other with seed 0, the median runs" in report.markdown(blocks(two(), []))


def folder_of(path: Path, **plan: Any) -> Any:
    """What a report asks of a comparison's folder."""
    entries = [Entry("one", {}, source="my configs/one.yaml"), Entry("other", {}), Entry("a", {}, source="s.yaml")]
    entries += [Entry("b", {}, source="s.yaml")]  # two points of one sweep
    plan = {
        "smallest": 0.01,
        "outside": ("x.csv",),
        "overrides": ("training.epochs=2", "model.x=a b"),
        "compared": lambda: entries,
        **plan,
    }
    return SimpleNamespace(path=path, plan=SimpleNamespace(**plan), plugins=[{"path": "p.py"}, {"path": "q.py"}])


def test_the_command_names_sources_once_seeds_overrides_and_plugins() -> None:
    assert report.repeat_command(folder_of(Path()), {"asked": {"seeds": 7}}) == (
        "minidl compare 'my configs/one.yaml' other s.yaml --seeds 7 --outside x.csv --smallest 0.01 "
        "--set training.epochs=2 --set 'model.x=a b' --plugin p.py --plugin q.py"
    )


def test_both_reports_are_written_with_title_and_command(tmp_path: Path, pictures: list[Picture]) -> None:
    result = many(4)
    result["asked"]["configs"][1] = "%BODY%"
    report.write_reports(folder_of(tmp_path), result, pictures)
    command = report.repeat_command(folder_of(tmp_path), result)
    made = list(report._blocks(result, pictures, command))
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text == f"# net0 against %BODY% against net2, 2 seeds\n\n{report.markdown(made)}"
    assert f"$ {command}" in text
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    before, after = PAGE.split("%BODY%")
    title = "net0 against %BODY% against net2, 2 seeds"
    assert page == before.replace("%TITLE%", title) + report.html_body(made) + after


@pytest.mark.parametrize(("number", "words"), [(1, "allows for the one test made"), (2, "allows for all 2 tests made")])
def test_the_tests_that_were_made_are_counted(number: int, words: str) -> None:
    assert words in report.markdown(blocks(two(tests={"number": number}), []))


def test_a_metric_that_is_undefined_is_said_before_the_tables_of_scores() -> None:
    made = [record(label, s, None, 5.0 + s) for label in ("one", "other") for s in range(2)]
    result = analysed(made, {"persistence": baseline(None, 9.0)})
    assert outline(result, [])["Scores"][:4] == ["text", "list", "text", "table Skill"]
    assert ("text", undefined_words(result)) in blocks(result, [])


def cells(text: str, row: str, cell: str) -> list[list[str]]:
    """Rows of cells, whatever marks them."""
    found = [re.findall(cell, line) for line in re.findall(row, text, re.MULTILINE)]
    return [[html.unescape(value).replace("\\", "").strip() for value in line] for line in found]


def test_the_page_has_the_same_headings_texts_and_tables_as_the_markdown(pictures: list[Picture]) -> None:
    made = blocks(two(), pictures)
    page, text = report.html_body(made), report.markdown(made)
    assert re.findall("<h2>(.*?)</h2>", page) == re.findall("^## (.*)$", text, re.MULTILINE)
    rows = cells(text.replace("\\|", "/"), r"^\|(?!-)(.*)\|$", r"[^|]+")
    assert cells(page, "<tr>(.*?)</tr>", "<t[hd][^>]*>(.*?)</t[hd]>") == rows
    assert len(re.findall('<th scope="row">', page)) == len(rows) - page.count("<table>")
    assert page.count("<li>") == len(re.findall("^- ", text, re.MULTILINE))
    assert re.findall('<p class="verdict">(.*?)</p>', page) == [two()["verdict"]["headline"]]
    assert "<pre><code>minidl compare a.yaml</code></pre>" in page
    assert page.count("<p>") == sum(kind == "text" for kind, _ in made)


def test_the_page_holds_its_pictures(pictures: list[Picture]) -> None:
    page = report.html_body(blocks(two(), pictures))
    found = re.findall(r'<img src="data:image/svg\+xml;base64,(.*?)" alt="(.*?)"><figcaption>(.*?)</figcaption>', page)
    in_order = ["scores", "error_by_lead", "differences", "curves", "forecast_one"]
    assert [(base64.b64decode(data).decode(), alt, title) for data, alt, title in found] == [
        (f"<svg>{name}</svg>", f"words for {name}", f"title of {name}") for name in in_order
    ]
