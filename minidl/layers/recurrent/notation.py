"""How equations are written: as text that reads like Python, or as LaTeX.

A notation is a table of formats. What has been written is a `Term`, which knows how
tightly it holds together, so that parentheses stand where they must and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

# How tightly a term holds together.
CONDITION, SUM, QUOTIENT, PRODUCT, POWER, ATOM = range(6)

COMPARED = {"greater": ">", "less": "<"}
GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi"),
    *("rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
)


class Term(NamedTuple):
    """What has been written: without its sign, how tightly it holds together, and whether it is a plain number."""

    text: str
    level: int = ATOM
    negative: bool = False
    constant: bool = False

    @property
    def signed(self) -> str:
        """With its sign."""
        return f"-{self.text}" if self.negative else self.text


@dataclass(frozen=True)
class Symbol:
    """A quantity.

    Parameters
    ----------
    name : in text, without sign and step.
    head, below : in LaTeX, the same without its index, and the index.
    sign : d for a gradient, r for a gradient that step t + 1 returns.
    step : t or t-1; nothing if it is the same at all steps.
    """

    name: str
    head: str
    below: tuple[str, ...] = ()
    sign: str = ""
    step: str = ""

    def at(self, step: str) -> Symbol:
        """This quantity at a step."""
        return replace(self, step=step)

    def gradient(self, sign: str = "d") -> Symbol:
        """The gradient by this quantity."""
        return replace(self, sign=sign)

    def primed(self) -> Symbol:
        """A quantity with another name."""
        return replace(self, name=f"{self.name}'", head=f"{{{self.head}'}}")


def _word(word: str) -> str:
    """A word in LaTeX."""
    if word in GREEK:
        return "\\" + word
    return word if len(word) == 1 else f"\\mathrm{{{word}}}"


def named(name: str) -> Symbol:
    """A name as it stands in the code of a cell."""
    head, *below = re.findall(r"[^\W\d_]+|\d+", name) or [""]
    return Symbol(name, _word(head) or "{}", tuple(map(_word, below)))


def weight(parameter: str, gate: str) -> Symbol:
    """The part of a parameter that belongs to a gate, such as W_xi."""
    head, _, below = parameter.partition("_")
    if len(gate) == 1:
        return Symbol(f"{head}_{below}{gate}", head, (f"{below}{gate}",))
    return Symbol(f"{parameter}_{gate}", head, tuple(map(_word, filter(None, (below, *gate.split("_"))))))


@dataclass(frozen=True)
class Notation:
    """Formats by what they are for; ``%s`` stands for each argument.

    Parameters
    ----------
    functions : by operation.
    inline : a formula in a sentence.
    fraction : whether a quotient needs no parentheses around its parts.
    """

    times: str
    scaled: str
    quotient: str
    square: str
    power: str
    transposed: str
    total: str
    bracket: str
    functions: Mapping[str, str]
    fraction: bool
    inline: str

    def symbol(self, symbol: Symbol) -> Term:
        """A quantity."""
        raise NotImplementedError

    def number(self, value: float) -> Term:
        """A constant."""
        raise NotImplementedError

    def block(self, equations: Sequence[tuple[str, str]], first: int) -> list[str]:
        """Lines of equations (left, right), numbered from `first`."""
        raise NotImplementedError

    def prose(self, text: str) -> str:
        """A name in a sentence."""
        raise NotImplementedError

    def wrapped(self, term: Term, level: int) -> str:
        """In parentheses if it holds together less tightly."""
        whole = SUM if term.negative else term.level
        return term.signed if whole >= level else f"({term.signed})"

    def minus(self, a: Term) -> Term:
        """-a."""
        if a.level < QUOTIENT:
            return Term(self.wrapped(a, ATOM), negative=True)
        return a._replace(negative=not a.negative)

    def sum(self, terms: Sequence[Term]) -> Term:
        """a + b + ..., of none 0."""
        if len(terms) < 2:
            return terms[0] if terms else self.number(0.0)
        text = self.wrapped(terms[0], SUM)
        for term in terms[1:]:
            text += f" - {term.text}" if term.negative else f" + {self.wrapped(term, SUM)}"
        return Term(text, SUM)

    def product(self, a: Term, b: Term) -> Term:
        """Each number of a times its own of b."""
        parts = [self.wrapped(term._replace(negative=False), PRODUCT) for term in (a, b)]
        between = self.scaled if a.constant or b.constant else self.times
        return Term(between.join(parts), PRODUCT, a.negative != b.negative)

    def divided(self, a: Term, b: Term) -> Term:
        """Each number of a divided by its own of b."""
        levels = (CONDITION, CONDITION) if self.fraction else (PRODUCT, POWER)
        parts = [self.wrapped(t._replace(negative=False), level) for t, level in zip((a, b), levels, strict=True)]
        return Term(self.quotient % tuple(parts), POWER if self.fraction else QUOTIENT, a.negative != b.negative)

    def matrix_product(self, a: Term, b: Term) -> Term:
        """The product of matrices."""
        return Term(f"{self.wrapped(a, ATOM)} {self.wrapped(b, ATOM)}", PRODUCT)

    def transpose(self, a: Term) -> Term:
        """aᵀ."""
        return Term(self.transposed % self.wrapped(a, ATOM))

    def summed(self, a: Term) -> Term:
        """The sum over steps and sequences."""
        return Term(self.total % self.wrapped(a, PRODUCT), SUM)

    def squared(self, a: Term) -> Term:
        """a²."""
        return Term(self.square % self.wrapped(a, ATOM), POWER)

    def operation(self, op: str, args: Sequence[Term]) -> Term:
        """A traced operation, other than a square."""
        own: dict[str, Callable[..., Term]] = {
            "add": lambda a, b: self.sum([a, b]),
            "subtract": lambda a, b: self.sum([a, self.minus(b)]),
            "multiply": self.product,
            "divide": self.divided,
            "negative": self.minus,
            "square": self.squared,
        }
        if op in own:
            return own[op](*args)
        if op == "power":
            return Term(self.power % tuple(self.wrapped(arg, ATOM) for arg in args), POWER)
        if op in COMPARED:
            return Term(f" {COMPARED[op]} ".join(self.wrapped(arg, SUM) for arg in args), CONDITION)
        if op == "where" and [arg.signed for arg in args[1:]] == ["1", "0"]:
            return Term(self.bracket % args[0].text)
        return Term(self.functions[op] % tuple(arg.signed for arg in args))


class Text(Notation):
    """Plain text: c_t = σ(f_t) ⊙ c_{t-1} + ..."""

    def symbol(self, symbol: Symbol) -> Term:
        """See `Notation`."""
        step = {"": "", "t": "_t"}.get(symbol.step, f"_{{{symbol.step}}}")
        return Term(f"{symbol.sign}{symbol.name}{step}")

    def number(self, value: float) -> Term:
        """See `Notation`."""
        return Term(repr(abs(value)).removesuffix(".0"), ATOM, value < 0, constant=True)

    def block(self, equations: Sequence[tuple[str, str]], first: int) -> list[str]:
        """See `Notation`."""
        return [f"{f'({number})':>6}  {left} = {right}" for number, (left, right) in enumerate(equations, first)]

    def prose(self, text: str) -> str:
        """See `Notation`."""
        return text


class Latex(Notation):
    """LaTeX: c_{t} = \\sigma(f_{t}) \\odot c_{t-1} + ..."""

    def symbol(self, symbol: Symbol) -> Term:
        """See `Notation`."""
        index = ",".join(filter(None, (*symbol.below, symbol.step)))
        sign = f"\\mathrm{{{symbol.sign}}}" if symbol.sign else ""
        return Term(f"{sign}{symbol.head}" + (f"_{{{index}}}" if index else ""))

    def number(self, value: float) -> Term:
        """See `Notation`."""
        digits, _, exponent = repr(abs(value)).replace("inf", "\\infty").partition("e")
        text = digits.removesuffix(".0") + (f" \\cdot 10^{{{int(exponent)}}}" if exponent else "")
        return Term(text, PRODUCT if exponent else ATOM, value < 0, constant=True)

    def block(self, equations: Sequence[tuple[str, str]], first: int) -> list[str]:
        """See `Notation`; LaTeX counts on by itself."""
        lines = [f"{left} &= {right}" for left, right in equations]
        return ["\\begin{align}", *(f"{line} \\\\" for line in lines[:-1]), lines[-1], "\\end{align}"]

    def prose(self, text: str) -> str:
        """See `Notation`."""
        return text.replace("_", "\\_")


NAMES = ("tanh", "exp", "expm1", "log", "log1p", "sqrt", "softplus", "sign", "sin", "cos")
KNOWN_TO_LATEX = ("tanh", "exp", "log", "sin", "cos")

TEXT = Text(
    times=" ⊙ ",
    scaled=" · ",
    quotient="%s / %s",
    square="%s²",
    power="%s^%s",
    transposed="%sᵀ",
    total="Σ_t %s",
    bracket="[%s]",
    functions={name: f"{name}(%s)" for name in NAMES}
    | {"sigmoid": "σ(%s)", "absolute": "abs(%s)", "maximum": "max(%s, %s)", "minimum": "min(%s, %s)"}
    | {"where": "where(%s, %s, %s)"},
    fraction=False,
    inline="%s",
)
LATEX = Latex(
    times=r" \odot ",
    scaled=r" \cdot ",
    quotient=r"\frac{%s}{%s}",
    square="%s^{2}",
    power="%s^{%s}",
    transposed=r"%s^{\top}",
    total=r"\sum_t %s",
    bracket="[%s]",
    functions={name: f"\\{name}(%s)" if name in KNOWN_TO_LATEX else f"\\mathrm{{{name}}}(%s)" for name in NAMES}
    | {"sigmoid": r"\sigma(%s)", "absolute": "|%s|", "maximum": r"\max(%s, %s)", "minimum": r"\min(%s, %s)"}
    | {"where": r"\mathrm{where}(%s, %s, %s)", "sqrt": r"\sqrt{%s}"},
    fraction=True,
    inline="$%s$",
)
