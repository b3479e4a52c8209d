"""The page with a cell's equations: what the symbols mean, forward, backward, and the sums over time."""

from __future__ import annotations

from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.derivation import Derivation, derivation
from minidl.layers.recurrent.notation import Notation, named


def page(cell: Cell, notation: Notation) -> list[str]:
    """The lines; the cell need not be built."""
    found, say = derivation(cell, notation), notation.inline
    gradient, returned = say % notation.symbol(named("v").gradient()).text, ", ".join(map(say.__mod__, found.returned))
    first = len(found.forward) + 1
    return [
        *_symbols(cell, notation, found),
        "",
        "Forward:",
        *notation.block(found.forward, 1),
        "",
        f"Backward: {gradient} is the gradient of the loss by v; the step behind returns {returned}, which are 0 at",
        "the last step; the first one returns the gradient by the start state.",
        *notation.block(found.backward, first),
        "",
        "Gradients of the parameters, summed over steps and sequences:",
        *notation.block(found.weights, first + len(found.backward)),
    ]


def _symbols(cell: Cell, notation: Notation, found: Derivation) -> list[str]:
    """What the symbols mean."""
    say = notation.inline
    matrices = [say % f"{name} = [{', '.join(parts)}]" for name, parts in found.parts.items()]
    lines = [
        f"{notation.prose(type(cell).__name__)}, one time step.",
        "",
        f"Each row of {', '.join(say % name for name in found.states)} is a sequence; "
        f"{say % notation.times.join('ab')} multiplies number by number, {say % 'a W'} is the product of matrices.",
        f"Gates have their parts of {', '.join(matrices)}.",
    ]
    if cell.recurrent == "heads":
        lines.append(
            f"Those of {say % notation.symbol(named('W_h')).text} have a block for each head on their diagonal."
        )
    if cell.recurrent_dropout:
        lines.append("Recurrent dropout is left out.")
    equations = [*found.forward, *found.backward, *found.weights]
    if any("[" in equation.right for equation in equations):
        lines.append(f"{say % '[a > b]'} is 1 where that holds, and else 0.")
    return lines
