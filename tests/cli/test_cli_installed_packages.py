"""Classes of an installed package, which need no plugin."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Cli
from own_classes import OWN, PLUGIN

from minidl.core import registry


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with an entry point, as pip would install it."""
    site = tmp_path / "site"
    (site / "demo_plugin").mkdir(parents=True)
    (site / "demo_plugin" / "__init__.py").write_text("from demo_plugin import layers\n")
    (site / "demo_plugin" / "layers.py").write_text(PLUGIN.replace("Own", "Demo"))
    info = site / "demo_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[minidl.plugins]\ndemo = demo_plugin\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(registry, "_entry_points_loaded", False)
    return site


def test_an_installed_packages_classes_need_no_plugin(cli: Cli, folder: Path, installed: Path) -> None:
    Path("own.yaml").write_text(OWN.replace("Own", "Demo"))
    assert cli("check", "own.yaml").code == 0
    assert cli("train", "own.yaml").code == 0
    assert cli("evaluate", "runs/own-001").code == 0
    assert "DemoScale" in cli("list", "layers").out


def test_an_installed_package_is_found_by_a_fresh_process(folder: Path, installed: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "minidl", "list", "losses"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^DemoLoss +L = mean\(e⁴\) / 4\.$", done.stdout, re.MULTILINE)


def test_an_installed_package_that_fails_is_named(cli: Cli, folder: Path, installed: Path) -> None:
    (installed / "demo_plugin" / "layers.py").write_text("1 / 0\n")
    outcome = cli("list", "layers")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line == "minidl list: plugin demo (demo_plugin): ZeroDivisionError: division by zero"


def test_a_fault_in_an_installed_layer_is_one_line(cli: Cli, folder: Path, installed: Path) -> None:
    path = installed / "demo_plugin" / "layers.py"
    path.write_text(path.read_text().replace("return x * self.factor, None", "return x * self.fcator, None"))
    Path("own.yaml").write_text(OWN.replace("Own", "Demo"))
    outcome = cli("train", "own.yaml")
    assert outcome.code == 2
    assert f"{path}:17, in forward: AttributeError: " in outcome.err.splitlines()[-1]
