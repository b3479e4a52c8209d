"""Plugins of many trainings: recorded by name and content, and refused where they are others."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from minidl.core.errors import IncompatibleRunError
from minidl.parallel.plugins import Plugin, check_plugins, given_plugins, plugins_again, recorded_plugins


def given(*names_and_digests: tuple[str, str]) -> Any:
    return [{"path": f"/somewhere/{name}", "sha256": digest} for name, digest in names_and_digests]


def test_the_plugins_of_the_start_may_have_moved() -> None:
    start = [Plugin("p.py", "1"), Plugin("q.py", "2")]
    check_plugins(start, given(("q.py", "2"), ("renamed.py", "1")), "here")
    check_plugins([], [], "here")


def test_other_plugins_are_refused_all_in_one_line() -> None:
    start = [Plugin("p.py", "1"), Plugin("q.py", "2"), Plugin("r.py", "3")]
    with pytest.raises(IncompatibleRunError) as caught:
        check_plugins(start, given(("q.py", "changed"), ("new.py", "9"), ("r.py", "3")), "here")
    assert str(caught.value) == (
        "here: needs --plugin p.py, with which it was begun; "
        "--plugin /somewhere/q.py: its content is not that of the start; "
        "--plugin /somewhere/new.py: it was not used at the start."
    )


def test_plugins_are_recorded_by_name_and_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.py").write_bytes(b"x = 1\n")
    found = given_plugins(["p.py"], run=False)
    digest = hashlib.sha256(b"x = 1\n").hexdigest()
    assert found == ({"path": str(tmp_path / "p.py"), "sha256": digest},)
    assert recorded_plugins(found) == (Plugin("p.py", digest),)


def test_a_plugin_runs_again_only_if_it_is_the_one_of_the_start(tmp_path: Path) -> None:
    ran, plugin = tmp_path / "ran", tmp_path / "p.py"
    plugin.write_text(f"from pathlib import Path\nwith Path({str(ran)!r}).open('a') as file:\n    file.write('x')\n")
    start = recorded_plugins(given_plugins([plugin], run=False))
    assert plugins_again(start, [plugin], "here") == given_plugins([plugin], run=False)
    assert ran.read_text() == "x"
    plugin.write_text(plugin.read_text() + "# another\n")
    with pytest.raises(IncompatibleRunError, match=r"^here: --plugin .*p\.py: its content is not that of the start\.$"):
        plugins_again(start, [plugin], "here")
    assert ran.read_text() == "x"
