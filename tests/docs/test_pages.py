"""That each page of the documentation can be reached in what Sphinx builds."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
OF_SPHINX = {"search", "genindex", "modindex", "py-modindex"}  # it writes its own pages of these names over others


def test_every_page_is_in_the_navigation_once_and_none_is_overwritten() -> None:
    navigation = re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text(encoding="utf-8"), re.DOTALL)
    named = [line for block in navigation for line in block.split() if not line.startswith(":") and line != "1"]
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    assert sorted(named) == sorted(pages)
    assert not pages & OF_SPHINX
