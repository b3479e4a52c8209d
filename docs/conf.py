"""Sphinx settings: Markdown pages (MyST), built with warnings as errors.

Formulas use MathJax, which a browser fetches when the page is viewed; the build
itself needs no network. Where a reader has none, the plain text blocks below the
formulas say the same.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from minidl import __version__

project = "minidl"
author = "the minidl authors"
release = __version__
extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_title = f"minidl {release}"
html_theme = "alabaster"
html_theme_options = {
    "description": "Recurrent stacks on NumPy",
    "fixed_sidebar": True,
    "page_width": "1080px",
    "sidebar_width": "230px",
}
html_copy_source = False
html_show_sourcelink = False
