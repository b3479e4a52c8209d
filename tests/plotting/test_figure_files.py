"""Figures as files of a run, and matplotlib itself.

Faults that this suite catches: an import of matplotlib by ``import minidl``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from figures_read import make_splits, matplotlib, record, scaled_rows

from minidl import plotting
from minidl.core.errors import MinidlError, StorageError
from minidl.forecasting import Persistence
from minidl.plotting import style
from minidl.runs.drawing import save_figures


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    """A run of one epoch on a small table."""
    from minidl.experiment import load_experiment
    from minidl.runs.run import Run

    folder = tmp_path_factory.mktemp("plotting")
    rng = np.random.default_rng(2)
    rows = "\n".join(f"{a:.3f},{b:.3f}" for a, b in rng.random((400, 2)))
    (folder / "table.csv").write_text("a,b\n" + rows + "\n")
    (folder / "small.yaml").write_text(f"""
model:
  type: Sequential
  layers: [{{type: RecurrentLayer, hidden_size: 2}}, LastStep, {{type: Dense, output_size: 1}}]
data:
  series: {{type: CSVSeries, path: '{(folder / "table.csv").as_posix()}', target: b, features: [a, b]}}
  test_size: 150
optimizer: {{type: SGD, learning_rate: 0.05}}
training: {{epochs: 1}}
""")
    experiment = load_experiment(folder / "small.yaml")
    splits = experiment.load_data()
    run = Run.create(experiment, folder / "run")
    run.train(splits)
    return run, splits, run.evaluate(splits)


def test_the_figures_of_a_run_are_files_in_its_folder(finished_run):
    run, splits, scores = finished_run
    files = save_figures(run, splits, scores)
    assert files == [run.path / "figures" / name for name in ("forecast.png", "loss.png", "error_by_lead.png")]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    assert sorted((run.path / "figures").iterdir()) == sorted(files), "no half-written file is left"
    before = [file.read_bytes() for file in files]
    save_figures(run, splits, scores)
    assert [file.read_bytes() for file in files] == before, "the same run gives the same pictures"


def test_a_figure_is_drawn_once_and_is_what_matplotlib_would_save(monkeypatch, tmp_path):
    from matplotlib.figure import Figure
    from matplotlib.image import imread
    from PIL import Image

    figure = plotting.loss_figure([record(1, 0.5), record(2, 0.3)])
    drawn, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda self, renderer: drawn.append(1) or draw(self, renderer))
    made = imread(style.save(figure, tmp_path / "a.png"))
    assert len(drawn) == 1, "a second drawing takes as long as the first"
    figure = plotting.loss_figure([record(1, 0.5), record(2, 0.3)])
    with style.style():
        figure.savefig(tmp_path / "b.png", dpi=150)
    saved = imread(tmp_path / "b.png")
    np.testing.assert_array_equal(made, saved[:, :, :3])
    assert (saved[:, :, 3] == 1).all(), "what is left out says nothing"
    with Image.open(tmp_path / "a.png") as ours, Image.open(tmp_path / "b.png") as theirs:
        assert ours.info["dpi"] == theirs.info["dpi"]


def test_a_run_without_an_epoch_has_no_loss_figure(finished_run, monkeypatch):
    run, splits, scores = finished_run
    monkeypatch.setattr(run, "log", list)
    assert [file.name for file in save_figures(run, splits, scores)] == ["forecast.png", "error_by_lead.png"]


def test_a_folder_that_cannot_be_made_is_one_clear_line(finished_run, monkeypatch, tmp_path):
    run, splits, scores = finished_run
    (tmp_path / "figures").write_text("a file where the folder should be")
    (tmp_path / "log.jsonl").write_bytes((run.path / "log.jsonl").read_bytes())
    monkeypatch.setattr(run, "path", tmp_path)
    with pytest.raises(StorageError, match=r"forecast\.png: cannot write: "):
        save_figures(run, splits, scores)


def test_without_matplotlib_drawing_says_what_to_install(scores, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not plotting.have_matplotlib()
    splits = make_splits()
    for draw in (
        lambda: plotting.lead_figure(scores),
        lambda: plotting.loss_figure([record(1)]),
        lambda: plotting.forecast_figure(splits, Persistence(scaled_rows(splits))),
    ):
        with pytest.raises(MinidlError) as caught:
            draw()
        assert str(caught.value) == "figures need matplotlib: pip install matplotlib"


def test_the_users_own_settings_stay_as_they_are(scores):
    before = dict(matplotlib.rcParams)
    plotting.lead_figure(scores)
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_when_a_figure_is_drawn_and_pyplot_never():
    program = """
import sys
import minidl, minidl.plotting
assert 'matplotlib' not in sys.modules, "import minidl.plotting imported matplotlib"
minidl.plotting.loss_figure([minidl.training.EpochRecord(1, 1, 0.1, None, None, 0.1, 1.0)]).draw_without_rendering()
assert "matplotlib" in sys.modules
assert "matplotlib.pyplot" not in sys.modules
"""
    root = Path(plotting.__file__).parents[2]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr


def test_texts_are_drawn_and_measured_as_they_can_be_printed(tmp_path):
    """A column's name may hold control characters, for which fonts have no sign."""

    def written(name: str) -> bytes:
        with style.style():
            figure = style.new_figure(4, 3)
            ax = figure.subplots()
            ax.plot([0, 1], label=name)
            ax.set_ylabel(name)
            ax.set_title(f"two lines\n{name}")
            ax.set_yticks([0, 1], ["low", name])
            ax.legend()
        return style.save(figure, tmp_path / "figure.png").read_bytes()

    assert written("a\x1b$b$") == written("a\\x1b$b$") != written("ab")
