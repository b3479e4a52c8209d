"""What is multiplied in a cell, as pieces of the text of its kernel.

Gates that stand beside each other in the weights and in the work take one product
together. Where W_h is made of blocks, each of them takes one for each gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minidl.layers.recurrent.design import Design


@dataclass(frozen=True)
class SlotRun:
    """`count` slots from `slot` on: columns begin in W_x with the gate `x`, in W_h with `h`, in b_h with `b_h`."""

    slot: int
    count: int
    x: int | None = None
    h: int | None = None
    b_h: int | None = None

    def goes_on(self, other: SlotRun) -> bool:
        """Whether the other one can be added at the end."""
        pairs = ((self.x, other.x), (self.h, other.h), (self.b_h, other.b_h))
        return all(b == (None if a is None else a + self.count) for a, b in pairs)


@dataclass(frozen=True)
class Block:
    """One product with W_h: `rows` of all slots' rows, the weights, and the rows of what they multiply."""

    rows: str
    n_rows: str
    W: str
    inputs: str

    def of(self, array: str, steps: str = "") -> str:
        """Its rows among those that W_h multiplies; `steps` is an index of time steps before them."""
        inside = f"{steps}, {self.inputs}" if steps and self.inputs else steps or self.inputs
        return f"{array}[{inside}]" if inside else array

    def at(self, base: str) -> str:
        """Its rows among the products of a step, which begin at `base` in scratch."""
        return f"view(scratch, {base} + {self.rows} * lanes, ({self.n_rows}, lanes))"

    def over(self, steps: str) -> str:
        """Its rows among the gradients of all steps."""
        return f"da[{steps}, {self.rows} : {self.rows} + {self.n_rows}]"


@dataclass(frozen=True)
class Products:
    """What is multiplied in a cell.

    Parameters
    ----------
    runs : of x, of h or of both, before the equations.
    late : by gate whose product follows equations, its run.
    gates, recurrent : how many gates W_x and W_h have.
    heads : blocks of W_h; 0: it is one matrix.
    """

    runs: Sequence[SlotRun]
    late: dict[str, SlotRun]
    gates: int
    recurrent: int
    heads: int

    def of_x(self) -> list[Block]:
        """The products with W_x."""
        return [self._block(run, "W_x", run.x, self.gates) for run in self.runs if run.x is not None]

    def of_h(self, run: SlotRun) -> list[Block]:
        """The products of a run with W_h."""
        if run.h is None:
            return []
        if not self.heads:
            return [self._block(run, "W_h", run.h, self.recurrent)]
        return [
            Block(
                f"({run.slot + i} * H + {head} * D)",
                "D",
                f"W_h[{head}, :, {run.h + i} * D : {run.h + i + 1} * D]",
                f"{head} * D : {head + 1} * D",
            )
            for head in range(self.heads)
            for i in range(run.count)
        ]

    def matrices(self) -> list[str]:
        """Names of the weights that are one matrix and multiply something."""
        of_h = [block for run in (*self.runs, *self.late.values()) for block in self.of_h(run)]
        return ["W_x"] * bool(self.of_x()) + ["W_h"] * bool(of_h and not self.heads)

    @staticmethod
    def _block(run: SlotRun, W: str, first: int, of: int) -> Block:
        return Block(f"({run.slot} * H)", f"{run.count} * H", columns(W, first, run.count, of, rows=True), "")


def columns(array: str, first: int, count: int, of: int, *, rows: bool = False) -> str:
    """Those of so many gates."""
    part = f"{first} * H : {first + count} * H"
    return array if count == of else f"{array}[:, {part}]" if rows else f"{array}[{part}]"


def products_of(design: Design, gates: Sequence[str], recurrent: Sequence[str], heads: int) -> Products:
    """The products of a cell; `gates` and `recurrent` are the gates of W_x and of W_h in order."""
    fed, multiplied = (range(len(design.slots))[part] for part in (design.x_slots, design.h_slots))
    runs: list[SlotRun] = []
    for slot, name in enumerate(design.slots):
        gate = design.gates[name].name
        x = gates.index(gate) if slot in fed else None
        h = recurrent.index(gate) if slot in multiplied else None
        run = SlotRun(slot, 1, x, h, None if slot in fed else slot - len(fed))
        if runs and runs[-1].goes_on(run):
            last = runs.pop()
            run = SlotRun(last.slot, last.count + 1, last.x, last.h, last.b_h)
        runs.append(run)
    late = {gate: SlotRun(design.slots.index(gate), 1, None, recurrent.index(gate)) for gate in design.products}
    return Products(runs, late, len(gates), len(recurrent), heads)
