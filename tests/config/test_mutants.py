"""Faults at random: whatever the text, objects or well-formed lines, never a traceback.

The seeds are fixed; ``MINIDL_MUTANTS=10000`` sets another number of mutants.
"""

from __future__ import annotations

import os
import random
import re
import string
from typing import Any

import pytest
from config_samples import GOOD, CircleShape, Drawing, GroupShape, MixedColour, Paper, PlainRed, RectangleShape, Shape
from hypothesis import given
from hypothesis import strategies as st

from minidl.config import build, load_node, parse_text
from minidl.core.arguments import argument_hints
from minidl.core.errors import ConfigError

N_MUTANTS = int(os.environ.get("MINIDL_MUTANTS", "600"))
LINE = re.compile(r"f\.yaml:[1-9][0-9]*:[1-9][0-9]*: .+")
TOKENS = [
    "*x",
    "&x ",
    "!!str ",
    "!t ",
    "null",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "- ",
    "\n",
    "  ",
    "'",
    '"',
    "#",
    "---\n",
    "|\n",
]
TOKENS += [
    "<<: *x",
    "? ",
    "1e999",
    "\t",
    "\x00",
    "\u2028",
    "\U0001f600",
    "%YAML 1.1\n",
    "\\u",
    "x.yaml",
    ".nan",
    "@",
    "`",
]


def mutate(text: str, rng: random.Random) -> str:
    """One to three characters, words or lines deleted, doubled, exchanged or replaced."""
    for _ in range(rng.randint(1, 3)):
        parts = re.findall(rng.choice([r"(?s).", r"(?s)\w+|\W", r"[^\n]*\n"]), text) or [text]
        i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
        match rng.randrange(5):
            case 0:
                parts[i] = ""
            case 1:
                parts[i] *= 2
            case 2:
                parts[i], parts[j] = parts[j], parts[i]
            case 3:
                parts[i] = rng.choice([*TOKENS, *string.printable])
            case _:
                parts[i] += rng.choice(TOKENS)
        text = "".join(parts)
    return text


def build_or_lines(text: str) -> str:
    """``"built"``, or the message after its form was checked."""
    try:
        assert type(build(Drawing, parse_text(text, "f.yaml"))) is Drawing
    except ConfigError as err:
        for line in str(err).split("\n"):
            assert LINE.fullmatch(line) or re.fullmatch(r"\(\+\d+ more\)", line), (text, line)
        return str(err)
    return "built"


def test_every_mutant_is_built_or_refused_in_well_formed_lines() -> None:
    rng = random.Random(20100101)
    outcomes = [build_or_lines(mutate(GOOD, rng)) for _ in range(N_MUTANTS)]
    built = outcomes.count("built")
    assert 0.02 < built / N_MUTANTS < 0.5  # the mutants reach both sides
    assert sum("invalid YAML" in outcome for outcome in outcomes) < 0.8 * N_MUTANTS


@given(st.text())
def test_any_text_is_built_or_refused(text: str) -> None:
    build_or_lines(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "f.yaml"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        build(Drawing, load_node(path))


def slips(word: str, rng: random.Random) -> set[str]:
    """Twelve one-letter slips: a letter left out, doubled, exchanged with the next, or replaced."""
    found: set[str] = set()
    while len(found) < 12:
        i = rng.randrange(len(word))
        other = rng.choice(string.ascii_lowercase)
        swapped = word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :]
        found |= {rng.choice([word[:i] + word[i + 1 :], word[:i] + word[i] + word[i:], swapped])}
        found |= {word[:i] + other + word[i + 1 :]}
        found.discard(word)
    return found


def test_the_right_name_is_suggested_for_nineteen_of_twenty_slips() -> None:
    rng = random.Random(5)
    right, wrong = 0, []
    cases: list[tuple[str, Any]] = []
    for cls in (CircleShape, GroupShape, MixedColour, RectangleShape, Paper, Drawing):
        cases += [(name, lambda slip, cls=cls: (cls, f"{{{slip}: x}}")) for name in argument_hints(cls)]
    for cls in (CircleShape, GroupShape, RectangleShape):
        cases += [(cls.__name__, lambda slip: (Shape, slip)), (cls.__name__, lambda slip: (Shape, f"{{type: {slip}}}"))]
    cases += [(PlainRed.__name__, lambda slip: (Drawing, f"{{background: {slip}}}"))]
    cases += [("type", lambda slip: (Shape, f"{{{slip}: GroupShape}}"))]
    for name, write in cases:
        for slip in sorted(slips(name, rng)):
            with pytest.raises(ConfigError) as caught:
                build(*(lambda target, text: (target, parse_text(text)))(*write(slip)))
            if f"did you mean {name}?" in str(caught.value):
                right += 1
            else:
                wrong.append((name, slip))
    assert right / (right + len(wrong)) >= 0.95, wrong
