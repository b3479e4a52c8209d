"""Names of arrays in generated text, and loops over calls whose lines differ in nothing but these.

Where a layer is called again and again, the text has one loop, however many calls there are: the places of the
arrays that take turns are numbers that lie one after the other in `sizes`, so call number c finds its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

_NAME = re.compile(r"\b[a-z]+\d+(?:_\d+)?\b")
_NUMBER = re.compile(r"sizes\[(\d+)\]")


class Names:
    """Arrays by name: what is declared is placed later, those that take turns one after the other."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self._declared: dict[str, Callable[[], str]] = {}
        self._next: dict[str, str] = {}

    def declare(self, name: str, place: Callable[[], str]) -> None:
        """A name, and what takes the place of its array and returns the expression that finds it."""
        self._declared[name] = place

    def take_turns(self, calls: Sequence[Sequence[str]]) -> None:
        """Learn from the lines of calls, alike but for names, which arrays of one call are which of the next."""
        for lines, following in itertools.pairwise(calls):
            self._next |= dict(self._pairs(lines, following))

    def _pairs(self, lines: Sequence[str], following: Sequence[str]) -> list[tuple[str, str]]:
        """Names in the lines of a call and of the next one, where they differ."""
        both = zip(_NAME.findall("\n".join(lines)), _NAME.findall("\n".join(following)), strict=True)
        return [(a, b) for a, b in dict.fromkeys(both) if a != b]

    def place(self) -> None:
        """Take the places of all that is declared."""
        firsts = self._next.keys() - self._next.values()
        rows: dict[str, list[str]] = {}
        for name in self._declared:
            if name in firsts:
                row = [name]
                while row[-1] in self._next:
                    row.append(self._next[row[-1]])
                rows |= dict.fromkeys(row, row)
        for name in self._declared:
            for member in rows.get(name, [name]):
                if member not in self.places:
                    self.places[member] = self._declared[member]()

    def loop(self, head: str, lines: Sequence[str], following: Sequence[str]) -> str:
        """All calls, given the lines of the first two of them; `head` counts them from 1 on, as ``call``."""
        pairs = dict(self._pairs(lines, following))
        names = [f"{a}_ = {self._of_call(a, b)}" for a, b in pairs.items()]
        body = [_NAME.sub(lambda found: f"{found[0]}_" if found[0] in pairs else found[0], line) for line in lines]
        return "\n    ".join([head, *names, *"\n".join(body).split("\n")])

    def _of_call(self, name: str, following: str) -> str:
        """The expression for the array of a call, by those of the first two."""
        first, second = (_NUMBER.findall(self.places[one]) for one in (name, following))
        apart = int(second[0]) - int(first[0])
        return _NUMBER.sub(lambda found: f"sizes[{int(found[1]) - apart} + {apart} * call]", self.places[name])

    def lines(self, text: str) -> list[str]:
        """What names the arrays, but for those that take turns and that this text has no use for."""
        used = set(_NAME.findall(text))
        turns = {*self._next, *self._next.values()}
        return [f"{name} = {place}" for name, place in self.places.items() if name in used or name not in turns]
