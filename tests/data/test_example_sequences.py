"""The shipped examples of sequences hold what they say, by plain arithmetic."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minidl import ConfigError
from minidl.core.errors import MissingPackageError
from minidl.data import DigitRows, Echo, FamilyNames, SequenceTable, Subtraction


def rows_of(table: SequenceTable, i: int) -> tuple[list[list[int]], list[int]]:
    """x of one sequence as whole numbers, and the labels of its steps."""
    rows = slice(int(table.starts[i]), int(table.starts[i] + table.lengths[i]))
    return table.values[rows].astype(int).tolist(), table.step_labels()[rows].tolist()


def test_an_echo_is_the_bit_so_many_steps_before_and_0_before_the_first() -> None:
    table = Echo(n_sequences=20, time_steps=9, delay=4).read()
    for i in range(20):
        x, y = rows_of(table, i)
        assert y == [x[t - 4][0] if t >= 4 else 0 for t in range(9)]
    assert 0.3 < table.values.mean() < 0.7
    assert set(table.values[:, 0]) == {0, 1}


def test_the_digits_of_a_difference_are_those_of_a_minus_b_and_no_pair_comes_twice() -> None:
    table = Subtraction(n_sequences=36, bits=3).read()  # all pairs that there are
    pairs = set()
    for i in range(36):
        x, y = rows_of(table, i)
        a, b, difference = (sum(digit << t for t, digit in enumerate(digits)) for digits in (*zip(*x, strict=True), y))
        assert difference == a - b >= 0
        pairs.add((a, b))
    assert pairs == {(a, b) for a in range(8) for b in range(a + 1)}


def test_large_numbers_are_subtracted_without_rounding() -> None:
    table = Subtraction(n_sequences=200, bits=30).read()
    for i in range(200):
        x, y = rows_of(table, i)
        a, b, difference = (sum(digit << t for t, digit in enumerate(digits)) for digits in (*zip(*x, strict=True), y))
        assert difference == a - b >= 0


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        (Echo, {"time_steps": 5, "delay": 5}, r"^Echo: delay: expected less than time_steps 5, got 5\.$"),
        (Echo, {"delay": 0}, r"delay: expected `int` >= 1, got 0"),
        (
            Subtraction,
            {"n_sequences": 37, "bits": 3},
            r"^Subtraction: n_sequences: there are 36 pairs of numbers with 3 bits, got 37; lower it, or raise bits\.$",
        ),
        (Subtraction, {"bits": 31}, r"bits: expected `int` <= 30, got 31"),
    ],
)
def test_examples_that_cannot_be_are_refused(source: Any, arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        source(**arguments)


@pytest.mark.parametrize("source", [Echo, Subtraction])
def test_the_seed_decides_what_is_drawn(source: Any) -> None:
    one, again, other = (source(n_sequences=5, seed=seed).read() for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.values, again.values)
    assert (one.values != other.values).any()


@pytest.fixture
def names() -> SequenceTable:
    pytest.importorskip("faker")
    return FamilyNames().read()


def spelled(table: SequenceTable, i: int, columns: int = 26) -> str:
    """The letters of a sequence's steps."""
    x = table.values[table.starts[i] : table.starts[i] + table.lengths[i]]
    assert set(x.sum(axis=1)) == {1}
    return "".join(table.feature_names[step.argmax()] for step in x if step.argmax() < columns)


def test_a_family_name_is_its_letters_with_the_language_as_label(names: SequenceTable) -> None:
    known = {str(names.name(i)): names.label_names[names.labels[i]] for i in range(len(names))}  # type: ignore[index]
    assert len(known) == len(names) > 4000  # none comes twice
    assert [known.get(name) for name in ("virtanen", "dlamini")] == ["Finnish", "Zulu"]
    assert all(name.isascii() and name.isalpha() and name.islower() for name in known)
    for i in range(0, len(names), 500):
        assert spelled(names, i) == names.name(i)
    assert np.bincount(names.sequence_labels()).min() > 100


def test_letters_are_learned_from_the_language_on_to_the_end() -> None:
    pytest.importorskip("faker")
    table = FamilyNames(learn="next_letter", languages=["Zulu", "Italian"]).read()
    assert table.feature_names[26:] == ("Zulu", "Italian")
    assert table.label_names[26:] == ("end",)
    for i, language in ((0, 26), (len(table) - 1, 27)):
        first, last = int(table.starts[i]), int(table.starts[i] + table.lengths[i]) - 1
        assert table.values[first].argmax() == language
        answers = [table.label_names[k] for k in table.step_labels()[first : last + 1]]
        assert answers == [*table.name(i), "end"]
        assert spelled(table, i) == table.name(i)


def test_a_choice_of_languages_does_not_change_their_names(names: SequenceTable) -> None:
    some = FamilyNames(languages=["German"]).read()
    german = names.label_names.index("German")
    assert some.names == tuple(names.name(int(i)) for i in np.flatnonzero(names.sequence_labels() == german))


def test_digits_are_rows_of_their_pictures_from_the_top() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    table, pictures = DigitRows().read(), datasets.load_digits()
    assert (len(table), set(table.lengths)) == (1797, {8})
    np.testing.assert_array_equal(table.values[8 * 5 : 8 * 6], pictures.data[5].reshape(8, 8))
    np.testing.assert_array_equal(table.sequence_labels(), pictures.target)


@pytest.mark.parametrize(
    ("source", "module", "message"),
    [
        (FamilyNames(), "faker.providers.person.hr_HR", r"FamilyNames: .* Faker, .* not there: pip install faker$"),
        (DigitRows(), "sklearn.datasets", r"DigitRows: .* scikit-learn, .* not there: pip install scikit-learn$"),
    ],
)
def test_a_package_that_is_not_there_is_named(
    source: Any, module: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError, match=message) as caught:
        source.read()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        (["Germn"], r"^FamilyNames: languages: unknown 'Germn'; did you mean German"),
        (["Zulu", "Zulu"], r"^FamilyNames: languages: expected different ones, got Zulu, Zulu\.$"),
    ],
)
def test_languages_that_cannot_be_are_refused(languages: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FamilyNames(languages=languages)


@pytest.mark.parametrize("a", [0, 1, 2, 2**27, 2**27 + 1, 2**28 + 2, 2**30 - 1])
def test_the_first_and_the_last_pair_of_a_number_are_told_from_their_neighbours(a: int) -> None:
    # Numbers of pairs beyond 2^53, of which no square root is exact.
    first = a * (a + 1) // 2
    drawn: Any = SimpleNamespace(choice=lambda *arguments, **more: np.array([first, first + a]))
    rows, differences = Subtraction(n_sequences=2, bits=30).generate(drawn)
    numbers = [[sum(int(digit) << t for t, digit in enumerate(column)) for column in row.T] for row in rows]
    assert numbers == [[a, 0], [a, a]]
    assert [sum(int(digit) << t for t, digit in enumerate(row)) for row in differences] == [a, 0]
