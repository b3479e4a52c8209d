"""Sphinx settings: Markdown pages (MyST), built with warnings as errors.

The build needs no network. A page with TeX formulas would have the browser fetch
MathJax when it is viewed, so formulas are plain text blocks where that will do.
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
smartquotes = False  # f' is a slope, not a quotation
html_static_path = ["_static"]
html_css_files = ["narrow.css"]
html_title = f"minidl {release}"
html_theme = "alabaster"
html_theme_options = {
    "description": "Recurrent stacks on NumPy",
    "fixed_sidebar": True,
    "page_width": "1240px",
    "body_max_width": "none",
    "sidebar_width": "230px",
    "code_font_size": "0.78em",
}
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
