"""Family names of ten languages, letter by letter, from the lists of the package Faker."""

from __future__ import annotations

import importlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError, DataError, MissingPackageError
from minidl.core.extras import install_command
from minidl.core.registry import register, suggest
from minidl.data.sequence_sources import ArraySequences, SequenceSource
from minidl.data.sequence_table import SequenceTable

# By language, the locale whose list is taken.
LOCALES = {
    "Croatian": "hr_HR",
    "Dutch": "nl_NL",
    "English": "en_US",
    "Finnish": "fi_FI",
    "French": "fr_FR",
    "German": "de_DE",
    "Italian": "it_IT",
    "Spanish": "es_ES",
    "Swedish": "sv_SE",
    "Zulu": "zu_ZA",
}
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
END = "end"


@register
@dataclass(eq=False)
class FamilyNames(SequenceSource):
    """Family names as sequences of letters, each a column of 0 and one 1; needs Faker.

    Accents are taken off (``ö`` is ``o``); what is not a single word of the letters a to z then, and what several of
    the languages have, is left out. Names are in the order of the alphabet within their language.

    Parameters
    ----------
    learn : ``language``, one label a name; ``next_letter``, at every step the letter that comes next, or the end. Names
        then begin with a step that says of which language they are, so that there are columns for the languages, too.
    languages : some of those that there are; empty: all.
    """

    learn: Literal["language", "next_letter"] = "language"
    languages: list[str] = field(default_factory=list)

    has_files: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = next((name for name in self.languages if name not in LOCALES), None)
        if unknown is not None:
            raise ConfigError(f"FamilyNames: languages: unknown {unknown!r}{suggest(unknown, LOCALES)}")
        if len(set(self.languages)) < len(self.languages):
            raise ConfigError(f"FamilyNames: languages: expected different ones, got {', '.join(self.languages)}.")

    @property
    def chosen(self) -> tuple[str, ...]:
        """The languages."""
        return tuple(self.languages or LOCALES)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return LETTERS if self.learn == "language" else (*LETTERS, *self.chosen)

    @property
    def label_names(self) -> tuple[str, ...]:
        return self.chosen if self.learn == "language" else (*LETTERS, END)

    def read(self, path: Path | None = None) -> SequenceTable:
        """All names.

        Raises
        ------
        MissingPackageError
            Faker is not installed.
        DataError
            Its lists are elsewhere.
        """
        self.refuse(path)
        names = [(name, i) for i, some in enumerate(_own_names(self.chosen)) for name in some]
        encoded = [[LETTERS.index(letter) for letter in name] for name, _ in names]
        if self.learn == "language":
            x, y = [_one_hot(letters, len(LETTERS)) for letters in encoded], [i for _, i in names]
            return self._table(x, y, names)
        columns, first = len(LETTERS) + len(self.chosen), len(LETTERS)
        pairs = list(zip(encoded, (i for _, i in names), strict=True))
        x = [_one_hot([first + i, *letters], columns) for letters, i in pairs]
        return self._table(x, [[*letters, len(LETTERS)] for letters, _ in pairs], names)

    def _table(
        self, x: list[npt.NDArray[np.float64]], y: Sequence[object], names: list[tuple[str, int]]
    ) -> SequenceTable:
        text = [name for name, _ in names]
        return ArraySequences(x, y, labels=self.label_names, features=self.feature_names, names=text).table


def _one_hot(places: list[int], n: int) -> npt.NDArray[np.float64]:
    return np.eye(n)[places]


def _own_names(languages: tuple[str, ...]) -> list[list[str]]:
    """Of each language the names that no other one of all has, so that a choice of languages does not change them."""
    found = {language: _plain_names(locale) for language, locale in LOCALES.items()}
    counts = Counter(name for names in found.values() for name in names)
    several = {name for name, count in counts.items() if count > 1}
    return [sorted(found[language] - several) for language in languages]


def _plain_names(locale: str) -> set[str]:
    """The names of a list that are one word of the letters a to z, without their accents."""
    try:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        given = list(provider.last_names)
    except ImportError as err:
        raise MissingPackageError(
            f"FamilyNames: the names are those of Faker, which is not there: {install_command('names')}"
        ) from err
    except AttributeError as err:
        raise DataError(f"FamilyNames: this version of Faker has no list of family names for {locale}.") from err
    return {name for name in map(_plain, given) if name.isascii() and name.isalpha()}


def _plain(name: str) -> str:
    """In small letters, without accents."""
    parts = unicodedata.normalize("NFKD", name.lower())
    return "".join(part for part in parts if not unicodedata.combining(part))
