"""The report of a comparison, in Markdown and as one HTML file that needs no network."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from minidl.comparison import tables
from minidl.comparison.folder import ComparisonFolder
from minidl.comparison.markup import as_html, as_markdown, as_markdown_code
from minidl.comparison.page import PAGE
from minidl.comparison.pair_verdict import margin_words
from minidl.comparison.pictures import Picture
from minidl.comparison.tables import Table
from minidl.comparison.tested import terms
from minidl.comparison.together import together_blocks
from minidl.comparison.verdict import undefined_words
from minidl.core.text import shell_word
from minidl.files.reading import read_inside
from minidl.files.storage import write_file
from minidl.metrics.sums import STRETCHES

MAX_PICTURE = 1 << 26
Result = Mapping[str, Any]
Block = tuple[
    str, Any
]  # ("heading" | "text" | "strong" | "list" | "code", str or list), ("table", Table), ("figure", ...)


def write_reports(folder: ComparisonFolder, result: Result, pictures: Sequence[Picture]) -> None:
    """Write report.md and report.html."""
    command = repeat_command(folder, result)
    blocks = list(_blocks(result, pictures, command))
    title = f"{' against '.join(result['asked']['configs'][:3])}, {result['asked']['seeds']} seeds"
    write_pages(folder.path, title, blocks)


def write_pages(folder: Path, title: str, blocks: Sequence[Block]) -> None:
    """Write report.md and report.html of these blocks into a folder."""
    write_file(folder / "report.md", f"# {as_markdown(title)}\n\n{markdown(blocks)}".encode())
    parts = {"%TITLE%": as_html(title), "%BODY%": html_body(blocks)}
    page = re.sub("|".join(parts), lambda found: parts[found[0]], PAGE)  # in one go: a title may hold %BODY%
    write_file(folder / "report.html", page.encode())


def repeat_command(folder: ComparisonFolder, result: Result) -> str:
    """The command line that makes this comparison again."""
    words = ["minidl", "compare", *dict.fromkeys(entry.source or entry.label for entry in folder.plan.compared())]
    words += ["--seeds", str(result["asked"]["seeds"])]
    words += [word for path in folder.plan.outside for word in ("--outside", path)]
    words += [] if folder.plan.smallest is None else ["--smallest", f"{folder.plan.smallest:g}"]
    words += [word for override in folder.plan.overrides for word in ("--set", override)]
    words += [word for plugin in folder.plugins for word in ("--plugin", plugin["path"])]
    return " ".join(map(shell_word, words))


def _blocks(result: Result, pictures: Sequence[Picture], command: str) -> Iterator[Block]:
    names, seeds = result["asked"]["configs"], result["asked"]["seeds"]
    yield "heading", "What was asked"
    listed = ", ".join(names) if len(names) <= 6 else f"{len(names)} configs"
    yield "text", f"Which of {listed} {terms(result).does_better}? Each was trained with the same {seeds} seeds."
    yield "text", f"What differs between them: {result['confounds']['sentence']}."
    yield "table", tables.confounds_table(result) if len(names) <= 6 else [["", "see the sweep below"]]
    yield "heading", "What came out"
    yield "strong", result["verdict"]["headline"]
    yield "list", result["verdict"]["lines"]
    yield "heading", "How to repeat it"
    yield "code", command
    more = terms(result).more_blocks(result)
    yield from _scores(result, pictures)
    yield from _differences(result, pictures)
    yield from more.get("differences", [])
    yield from together_blocks(result)
    yield from _figures(pictures, "together")
    yield from _sweep(result, pictures)
    yield from more.get("sections", [])
    yield "heading", "Failures and costs"
    yield "table", tables.failures_table(result)
    yield "table", tables.cost_table(result)
    yield from _figures(pictures, "end")


def _figures(pictures: Sequence[Picture], place: str) -> Iterator[Block]:
    yield from (("figure", picture) for picture in pictures if picture.place == place)


def _scores(result: Result, pictures: Sequence[Picture]) -> Iterator[Block]:
    seeds, of = result["asked"]["seeds"], terms(result)
    yield "heading", "Scores"
    yield (
        "text",
        f"Median over {seeds} seeds, with the lowest and the highest of the runs that gave a score; the median counts "
        f"a broken run as the worst. {of.rows_words}Skill is {of.skill_words}: 0 is as good as "
        f"“{of.baseline_short(of.task.reference)}”, below 0 is worse.",
    )
    assumed = tables.assumption_lines(result)
    yield from [("list", assumed)] if assumed else []
    yield from _figures(pictures, "scores")
    if undefined_words(result):
        yield "text", undefined_words(result)
    for metric in tables.shown_metrics(result):
        table = tables.scores_table(result, metric)
        yield "table", [[tables.metric_title(metric, result), *table[0][1:]], *table[1:]]
    yield from _figures(pictures, "tables")
    for name in of.task.tables if len(result["configs"]) <= 6 else ():
        yield "text", of.table_words(name, result["facts"])
        yield "table", tables.spread_table(result, name)


def _differences(result: Result, pictures: Sequence[Picture]) -> Iterator[Block]:
    tests = result["tests"]["number"]
    made = f"all {tests} tests" if tests > 1 else "the one test"
    yield "heading", "Paired differences"
    yield (
        "text",
        "Seed by seed, the score of the second minus that of the first. p is of a paired permutation test, which "
        "exchanges the signs of the differences; the 95 % interval holds every mean that this test does not exclude. "
        "Both are about other seeds on this test part; the interval over seeds and test part is about other test parts "
        f"of the same kind, too: a bootstrap of seeds and of up to {STRETCHES} stretches of the test part. "
        f"The corrected p (Holm) allows for {made} made here. Differences of rounding "
        f"size ({result['asked']['rounding']:g} of the scores) count as none. A run that ended with NaN or Inf counts "
        "as a loss in wins and p; mean and median are of the pairs that gave two scores.",
    )
    if result["asked"]["smallest"] is not None:
        yield (
            "text",
            f"Differences within {margin_words(result)} do not matter, as was said beforehand or with --resume. Two "
            "configs are called equal where both intervals lie within that.",
        )
    yield from _figures(pictures, "differences")
    yield "table", tables.differences_table(result)


def _sweep(result: Result, pictures: Sequence[Picture]) -> Iterator[Block]:
    if result["trade_offs"]:
        yield "heading", "Sweep"
        yield "text", "A star marks a best trade-off: nothing else scores higher for the same or less."
        yield "table", tables.trade_offs_table(result)
        yield from _figures(pictures, "sweep")


def markdown(blocks: Sequence[Block]) -> str:
    """The report as Markdown; figures are in figures/."""
    parts = []
    for kind, value in blocks:
        if kind == "heading":
            parts.append(f"## {as_markdown(value)}")
        elif kind == "strong":
            parts.append(f"**{as_markdown(value)}**")
        elif kind == "list":
            parts.append("\n".join(f"- {as_markdown(line)}" for line in value))
        elif kind == "code":
            parts.append(as_markdown_code(f"$ {value}"))
        elif kind == "table":
            parts.append(_markdown_table(value))
        elif kind == "figure":
            parts.append(f"![{as_markdown(value.alt)}](figures/{value.path.name})")
        else:
            parts.append(as_markdown(value))
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    lines = ["| " + " | ".join(map(as_markdown, row)) + " |" for row in table]
    return "\n".join([lines[0], "|" + "---|" * len(table[0]), *lines[1:]])


def html_body(blocks: Sequence[Block]) -> str:
    """The report's body as HTML, figures inside."""
    parts = []
    for kind, value in blocks:
        if kind == "heading":
            parts.append(f"<h2>{as_html(value)}</h2>")
        elif kind == "strong":
            parts.append(f'<p class="verdict">{as_html(value)}</p>')
        elif kind == "list":
            items = "".join(f"<li>{as_html(line)}</li>" for line in value)
            parts.append(f"<ul>{items}</ul>")
        elif kind == "code":
            parts.append(f"<pre><code>{as_html(value)}</code></pre>")
        elif kind == "table":
            parts.append(_html_table(value))
        elif kind == "figure":
            parts.append(_html_figure(value))
        else:
            parts.append(f"<p>{as_html(value)}</p>")
    return "\n".join(parts)


def _html_table(table: Table) -> str:
    head = "".join(f'<th scope="col">{as_html(cell)}</th>' for cell in table[0])
    rows = []
    for row in table[1:]:
        first = f'<th scope="row">{as_html(row[0])}</th>'
        rows.append(f"<tr>{first}{''.join(f'<td>{as_html(cell)}</td>' for cell in row[1:])}</tr>")
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="table">{body}</div>'


def _html_figure(picture: Picture) -> str:
    data = base64.b64encode(read_inside(picture.path.parent, picture.path.name, MAX_PICTURE)).decode()
    image = f'<img src="data:image/svg+xml;base64,{data}" alt="{as_html(picture.alt)}">'
    return f"<figure>{image}<figcaption>{as_html(picture.title)}</figcaption></figure>"
