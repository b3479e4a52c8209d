"""minidl equations: a shipped cell, one of a user's own, and what has no equations."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Cli

CELL = """
import numpy as np
from minidl import Cell, Layer, register

@register
class OwnCell(Cell):
    gates = ("my_gate",)
    vectors = {"k": lambda shape, rng, dtype: np.zeros(shape, dtype)}

    def equations(self, my_gate, h, k):
        return k * np.tanh(my_gate) + h

class OwnForward(OwnCell):
    def forward(self, x, ctx=None):
        return x, None

class OwnSorted(Cell):
    gates = ("a",)

    def equations(self, a):
        return np.sort(a)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(CELL)
    return "mine.py"


@pytest.mark.parametrize("arguments", [["OwnCell", "--plugin", "mine.py"], ["mine.py:OwnCell"]])
def test_a_cell_of_ones_own(cli: Cli, file: str, arguments: list[str]) -> None:
    outcome = cli("equations", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("OwnCell, one time step.\n")
    assert "   (1)  my_gate_t = x_t W_x_my_gate + h_{t-1} W_h_my_gate + b_my_gate\n" in outcome.out
    assert "   (2)  h_t = k ⊙ tanh(my_gate_t) + h_{t-1}\n" in outcome.out
    assert "dk = Σ_t dh_t ⊙ tanh(my_gate_t)\n" in outcome.out


def test_arguments_of_the_cell_change_its_equations(cli: Cli) -> None:
    assert "r_t) ⊙ h_{t-1}) W_hn" not in cli("equations", "GRULayer").out
    assert "r_t) ⊙ h_{t-1}) W_hn" in cli("equations", "GRULayer", "--args", "{reset_after: false}").out
    assert "p_i ⊙ c_{t-1}" in cli("equations", "LSTMLayer", "--args", "{peepholes: true, hidden_size: 3}").out


def test_latex(cli: Cli) -> None:
    outcome = cli("equations", "LSTMLayer", "--latex")
    assert (outcome.code, outcome.err) == (0, "")
    assert "\nh_{t} &= \\sigma(o_{t}) \\odot \\tanh(c_{t})\n\\end{align}\n" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Dense"], "Dense is not a cell, a layer that is given by equations; cells: FastGRNNLayer, GRULayer, "),
        (["SteppedCell"], "unknown layer 'SteppedCell'"),
        (["LSTM"], "unknown layer 'LSTM'; did you mean LSTMLayer?"),
        (["gone.py:X"], "gone.py: no such Python file (.py)."),
        (["mine.py:Layer"], "Layer is not a cell"),
        (["mine.py:Cell"], "Cell: Can't instantiate abstract class Cell"),
        (["mine.py:OwnForward"], "OwnForward has a forward or backward of its own"),
        (["GRULayer", "--args", "{reset: true}"], "reset: unknown key 'reset' of GRULayer; did you mean reset_after?"),
    ],
)
def test_what_has_no_equations_is_one_line(cli: Cli, file: str, arguments: list[str], message: str) -> None:
    outcome = cli("equations", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.line.startswith(f"minidl equations: {message}")


def test_an_operation_that_cannot_be_traced_is_named(cli: Cli, file: str) -> None:
    outcome = cli("equations", "mine.py:OwnSorted")
    assert (outcome.code, outcome.out) == (2, "")
    assert (
        "mine.py:21: equations: numpy.sort: none of the operations that equations of a cell are made of" in outcome.line
    )
