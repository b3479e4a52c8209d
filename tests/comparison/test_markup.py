"""Names from files in reports and pictures: shown, and neither markup nor commands."""

from __future__ import annotations

import html
import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from minidl.cli import main
from minidl.comparison.markup import as_html, as_markdown, as_markdown_code, printable_texts, well_formed

UNITS = "<script>1</script>|[x](http://y) ![z](w) `c` *e* _f_ $^g$ \\\\ \\e[31m\\n# h &amp; %BODY%"


def test_markdown_gets_neither_html_nor_links_nor_tables() -> None:
    text = "<b> [a](javascript:b) ![c](d) `e` *f* _g_ a_b | ~~h~~ $i$ & \\ \n# j"
    assert as_markdown(text) == (
        r"&lt;b&gt; \[a\](javascript:b) !\[c\](d) \`e\` \*f\* \_g\_ a_b \| \~\~h\~\~ \$i\$ &amp; \\ \\n# j"
    )
    assert as_markdown("R² +0.01 (4 h): small-2, pm25_single") == "R² +0.01 (4 h): small-2, pm25_single"


def test_html_is_quoted_and_holds_no_control_characters() -> None:
    assert as_html('<a href="b">\'\x1b') == "&lt;a href=&quot;b&quot;&gt;&#x27;\\x1b"


def test_the_fence_of_a_block_is_longer_than_any_in_it() -> None:
    assert as_markdown_code("$ a ```` b\n```") == "`````console\n$ a ```` b\\n```\n`````"


def test_all_texts_of_a_result_become_printable() -> None:
    assert printable_texts({"a\x1b": ["\n", 1, None, ("\u202e",)]}) == {"a\\x1b": ["\\n", 1, None, ["\\u202e"]]}


def test_a_picture_is_xml_whatever_its_texts_are() -> None:
    svg = well_formed("<svg><!-- \x00\x1b\ufffe\U0001f600 --></svg>".encode())
    assert ET.fromstring(svg).tag == "svg"
    assert "\U0001f600".encode() in svg


@pytest.mark.figures
@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_report_shows_hostile_names_and_repeats_itself_in_a_shell(folder: Path) -> None:
    text = (folder / "small.yaml").read_text(encoding="utf-8")
    text = re.sub(r"units: .*", lambda _: f'units: "{UNITS}"', text)
    assert UNITS in text
    (folder / "it's $(me).yaml").write_text(text, encoding="utf-8")
    (folder / "b.yaml").write_text("extends: it's $(me).yaml\noptimizer: {learning_rate: 0.01}\n")
    setting = "data.series.path=air.csv"
    arguments = ["it's $(me).yaml", "b.yaml", "--seeds", "1", "--set", setting]
    assert main(["compare", *arguments, "--jobs", "1"]) == 0
    report = Path("runs/compare-001/report.md").read_text(encoding="utf-8")
    page = Path("runs/compare-001/report.html").read_text(encoding="utf-8")
    assert not re.search(r"<\w|(?<!\\)\[x", report)
    assert "&lt;script&gt;1&lt;/script&gt;\\|" in report
    assert "<script" not in page
    assert page.count("</html>") == page.count("<h1>") == 1
    assert "\x1b" not in report + page
    command = html.unescape(re.search(r"<pre><code>(.*?)</code></pre>", page)[1])  # type: ignore[index]
    assert f"\n$ {command}\n" in report
    assert shlex.split(command) == ["minidl", "compare", "it's $(me).yaml", "b.yaml", "--seeds", "1", "--set", setting]
    for table in re.findall(r"(?:^\|.*\n)+", report, re.MULTILINE):  # as many cells in every row
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1
    pictures = [*Path("runs/compare-001/figures").glob("*.svg")]
    assert len(pictures) == 6
    for picture in pictures:
        ET.fromstring(picture.read_bytes())
