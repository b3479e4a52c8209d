"""What setup.cfg says of an editable install; that installers do so was tried by hand, a build needs the network."""

from __future__ import annotations

import configparser
from pathlib import Path


def test_an_editable_install_is_a_path_that_type_checkers_follow():
    settings = configparser.ConfigParser(interpolation=None)
    assert settings.read(Path(__file__).parents[1] / "setup.cfg", encoding="utf-8")
    assert settings["editable_wheel"]["mode"] == "compat"
