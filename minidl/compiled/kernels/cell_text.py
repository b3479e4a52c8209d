"""The text of a cell's kernel: the loop over time with its products, around the programs of a step.

It is plain Python for numba, the same for all sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from minidl.compiled.kernels.cell_products import Products, SlotRun, columns
from minidl.compiled.kernels.cell_programs import CellPrograms
from minidl.layers.recurrent.design import Design

_PLACES = """\
    time, H, lanes = y.shape
    n, D = H * lanes, H // {heads}
    s_at = n
    a_at = s_at + (time + 1) * {others} * n
    kept_at = a_at + {slots} * n
    da_at = kept_at + time * {kept} * n
    g_at = da_at + time * {slots} * n
    given_at = g_at + {states} * n
    drows_at = given_at + {given} * n
    fed_at = drows_at + {rows} * n
    back_at = fed_at + time * {fed} * n
    rows_at = back_at + {masked} * n
    zeros_at = rows_at + {rows} * H
    zeros = view(scratch, zeros_at, ({slots} * H,))
    rows = view(scratch, rows_at, ({rows}, H))
    start = view(scratch, 0, (1, H, lanes))
"""

_STEP = """\
        kept = view(scratch, kept_at + t * {kept} * n, ({kept}, H, lanes))
        s0 = view(scratch, s_at + t * {others} * n, ({others}, H, lanes))
        s1 = view(scratch, s_at + (t + 1) * {others} * n, ({others}, H, lanes))
        h0 = view(y, (t - 1) * n, (1, H, lanes)) if t else start
        h1 = view(y, t * n, (1, H, lanes))
"""

_FORWARD = """\
    a = view(scratch, a_at, ({slots}, H, lanes))
    for t in range(time):
"""

_BACKWARD = """\
    g, given = view(scratch, g_at, ({states}, H, lanes)), view(scratch, given_at, ({given}, H, lanes))
    drows = view(scratch, drows_at, ({rows}, H, lanes))
    back = view(scratch, back_at, ({masked}, H, lanes))
    {begin}
    fill(drows, 0)
    for t in range(time - 1, -1, -1):
"""

_STEP_BACK = """\
        dy_t, here = view(dy, t * n, (1, H, lanes)), da_at + t * {slots} * n
        da_t = view(scratch, here, ({slots}, H, lanes))
"""

_GRADIENTS = """\
    da = view(scratch, da_at, (time, {slots} * H, lanes))
    all_kept = view(scratch, kept_at, (time, {kept}, H, lanes))
"""


@dataclass(frozen=True)
class CellText:
    """Writes both functions of a cell.

    Parameters
    ----------
    params : names of the parameters, in the order of the layer.
    masked : with recurrent dropout.
    ragged : for lanes of different length.
    """

    design: Design
    programs: CellPrograms
    products: Products
    params: Sequence[str]
    masked: bool
    ragged: bool

    @property
    def starts(self) -> dict[int, str]:
        """Parameters that states start from, by the states' numbers."""
        return {i: f"{name}_0" for i, name in enumerate(self.design.states) if f"{name}_0" in self.params}

    @property
    def fed(self) -> int:
        """How many arrays of all steps have what W_h multiplies, where that is not the output of the step before."""
        return 1 + len(self.products.late) if self.masked else 1 if self.starts else 0

    def _lines(self, text: str, begin: str = "") -> list[str]:
        return text.format(
            others=len(self.design.states) - 1,
            states=len(self.design.states),
            slots=len(self.design.slots),
            kept=self.programs.kept,
            given=len(self.products.late),
            rows=len(self.design.vectors),
            fed=self.fed,
            masked=int(self.masked),
            heads=self.products.heads or 1,
            begin=begin,
        ).splitlines()

    def _head(self, name: str, arrays: Iterable[str], ragged: bool) -> list[str]:
        lines = [f"def {name}({', '.join(arrays)}):", *self._lines(_PLACES)]
        return lines + (["    shortest = lengths.min()"] if ragged else [])

    def _given(self) -> list[str]:
        return [*(["mask"] if self.masked else []), *(["lengths"] if self.ragged else [])]

    def start(self) -> str:
        """``start(x, y, scratch, *params)``."""
        lines = [f"def start({', '.join(['x', 'y', 'scratch', *self.params])}):", "    _, H, lanes = y.shape"]
        for number, parameter in self.starts.items():
            lines.append(f"    spread(view(scratch, {number} * H * lanes, (H, lanes)), {parameter})")
        return "\n".join([*lines, ""])

    def went_on(self) -> str:
        """``went_on(x, y, scratch, *params, *gradients)``."""
        lines = self._head("went_on", ["x", "y", "scratch", *self.params, *(f"d{p}" for p in self.params)], False)
        lines += self._lines(_GRADIENTS) + [f"    fill(d{parameter}, 0)" for parameter in self.starts.values()]
        if not self.fed:  # of the first step: where arrays of all steps have what W_h multiplies, they have this too
            for block in (block for run in self.products.runs for block in self.products.of_h(run)):
                lines.append(f"    add_gradient(d{block.W}, {block.of('start', ':')}, {block.over(':1')})")
        return "\n".join([*lines, ""])

    def _feed(self, number: int, values: str) -> list[str]:
        """What W_h multiplies: these values, without the units that are left out; kept for the gradient."""
        if number >= self.fed:
            return []
        fed = f"fed{number} = view(scratch, fed_at + ({number} * time + t) * n, (H, lanes))"
        return [fed, f"times(fed{number}, {values}, mask)" if self.masked else f"copy(fed{number}, {values})"]

    def forward(self) -> str:
        """``forward(x, y, scratch, *params)``."""
        lines = self._head("forward", ["x", "y", "scratch", *self._given(), *self.params], self.ragged)
        for number, (parameter, row) in enumerate(self.design.vectors.values()):
            lines.append(f"    copy(rows[{number}], view({parameter}, {row} * H, (H,)))")
        at = "zeros_at + zeros.size"
        for W in self.products.matrices():
            lines.append(f"    {W} = side_by_side(view(scratch, {at}, {W}.T.shape), {W}, time * lanes)")
            at += f" + {W}.size"
        lines += self._lines(_FORWARD) + self._lines(_STEP) + ["        xt, h = x[t], view(h0, 0, (H, lanes))"]
        body = self._feed(0, "h") + [line for run in self.products.runs for line in self._product(run)]
        if self.programs.mask:
            body.append("copy(kept[0], mask)")
        run_program = "forward{}(a, kept, h0, s0, h1, s1, rows)"
        body.append(run_program.format(0))
        if self.products.late:
            for gate, run in self.products.late.items():
                values = f"kept[{self.programs.given[gate]}]"
                number = 1 + list(self.products.late).index(gate)
                body += self._feed(number, values) + self._added(run, f"fed{number}" if self.masked else values)
            body.append(run_program.format(1))
        if self.ragged:
            body.append("if t >= shortest:")
            body += [f"    hold({to}, {before}, lengths, t)" for to, before in (("h1", "h0"), ("s1", "s0"))]
        return "\n".join([*lines, *(f"        {line}" for line in body), ""])

    def _product(self, run: SlotRun) -> Iterator[str]:
        """b + W_xᵀ x_t + W_hᵀ h of a run, of which it may lack some."""
        of_x = [(block.W, "xt") for block in self.products.of_x() if block.rows == f"({run.slot} * H)"]
        of_h = [] if self.products.heads else [(block.W, self._h) for block in self.products.of_h(run)]
        pairs = [*of_x, *of_h, ("W_x", "xt[:0]"), ("W_x", "xt[:0]")][:2]
        terms = ", ".join(f"{W}, {values}" for W, values in pairs)
        yield f"affine_lanes({self._rows(run)}, {self._bias(run)}, {terms})"
        if self.products.heads:
            yield from self._added(run, self._h)

    @property
    def _h(self) -> str:
        return "fed0" if self.fed else "h"

    def _bias(self, run: SlotRun) -> str:
        if run.b_h is not None:
            part = f"b_h[{run.b_h} * H : {run.b_h + run.count} * H]"
            return part if "b_h" in self.params else "zeros"
        return columns("b", run.x or 0, run.count, self.products.gates) if "b" in self.params else "zeros"

    @staticmethod
    def _rows(run: SlotRun) -> str:
        return f"view(scratch, a_at + {run.slot} * n, ({run.count} * H, lanes))"

    def _added(self, run: SlotRun, values: str) -> list[str]:
        """The products of a run with W_h, added to what stands there."""
        return [
            f"add_product({block.at('a_at')}, {block.at('a_at')}, {block.W}, {block.of(values)})"
            for block in self.products.of_h(run)
        ]

    def backward(self, linked: bool = False) -> str:
        """``backward(x, y, dy, dx, scratch, *params, *gradients)``; that of `Linked` has two more arguments."""
        names = ["x", "y", "dy", "dx", "scratch", *(["after", "before"] if linked else []), *self._given()]
        names += [*self.params, *(f"d{p}" for p in self.params)]
        lines = (
            self._head("linked" if linked else "backward", names, self.ragged)
            + self._lines(_BACKWARD, begin="copy(g, after)" if linked else "fill(g, 0)")
            + self._lines(_STEP)
            + self._lines(_STEP_BACK)
        )
        body = []
        arrays = "(da_t, kept, h0, s0, h1, s1, rows, dy_t, g, given, drows)"
        late = list(self.products.late)
        for number, (gate, _) in enumerate(self.programs.backward):
            body.append(f"backward{number}{arrays}")
            if gate:
                to = f"given[{late.index(gate)}]"
                body += [f"fill({to}, 0)", *self._back(self.products.late[gate], to)]
                body += [f"times({to}, {to}, mask)"] if self.masked else []
        if self.ragged:
            body.append("if t >= shortest:")
            body += [f"    silence({array}, lengths, t)" for array in ("da_t", "g", "drows")]
        to = "back[0]" if self.masked else "g[0]"
        for run in self.products.runs:
            body += self._back(run, to)
        if self.masked:
            body = ["fill(back, 0)", *body, "add_times(g[0], back, mask)"]
        lines += [f"        {line}" for line in body] + self._lines(_GRADIENTS)
        lines += ["    copy(before, g)"] if linked else []
        return "\n".join([*lines, *(f"    {line}" for line in self._gradients()), ""])

    def _back(self, run: SlotRun, to: str) -> list[str]:
        """W_h da of a run, added there."""
        return [
            f"add_product({block.of(to)}, {block.of(to)}, {block.W}.T, {block.at('here')})"
            for block in self.products.of_h(run)
        ]

    def _gradients(self) -> Iterator[str]:
        """Of the weights, over all steps; of the states before the first; and of x."""
        for number in range(self.fed):
            yield f"fed{number} = view(scratch, fed_at + {number} * time * n, (time, H, lanes))"
        for number, parameter in self.starts.items():
            yield f"sums(d{parameter}, view(g, {number} * n, (1, H, lanes)))"
        for block in self.products.of_x():
            yield f"gradient(d{block.W}, x, {block.over(':')})"
        for run in self.products.runs:
            for block in self.products.of_h(run):
                fed = (block.of("fed0", ":"), block.over(":")) if self.fed else (block.of("y", ":-1"), block.over("1:"))
                yield f"gradient(d{block.W}, {', '.join(fed)})"
        for gate, run in self.products.late.items():
            for block in self.products.of_h(run):
                kept = f"all_kept[:, {self.programs.given[gate]}]"
                kept = f"fed{1 + list(self.products.late).index(gate)}" if self.masked else kept
                yield f"gradient(d{block.W}, {block.of(kept, ':')}, {block.over(':')})"
        for run in self.products.runs:
            if "b" in self.params:
                yield f"sums(d{self._bias(run)}, da[:, {run.slot} * H : {run.slot + run.count} * H])"
        for number, (parameter, row) in enumerate(self.design.vectors.values()):
            yield f"sums(d{parameter}[{row} * H : {row + 1} * H], view(drows, {number} * n, (1, H, lanes)))"
        yield "for t in range(len(dx)):"
        yield "    here = da_at + t * " + f"{len(self.design.slots)} * n"
        yield "    fill(dx[t], 0)"
        for block in self.products.of_x():
            yield f"    add_product(dx[t], dx[t], {block.W}.T, {block.at('here')})"
