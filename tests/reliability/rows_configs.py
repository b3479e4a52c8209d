"""Rows 7, 8 and 16: YAML bombs, wrong configs, bad data."""

from __future__ import annotations

import random
import re
import shutil
import string
import time
from collections.abc import Iterator
from pathlib import Path

from minidl.core.arguments import argument_hints
from minidl.core.errors import ConfigError, DataError, MinidlError
from minidl.experiment import Experiment, load_experiment
from tests.reliability.harness import ROOT, Outcome, row, run_command, within
from tests.small import CONFIG, hourly_rows, write_csv

LINE = re.compile(r"[^\n]+\.ya?ml:[1-9]\d*:[1-9]\d*: \S.*")
MORE = re.compile(r"\(\+\d+ more\)")


def laughs(levels: int) -> str:
    """Ten times ten times ten times ..."""
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


BOMBS = {
    "a billion laughs": laughs(10),
    "a billion laughs in a mapping": "x: " + laughs(10).replace("\n", "\n  "),
    "2,000 brackets": "model: " + "[" * 2000 + "]" * 2000,
    "2,000 open brackets": "model: " + "[" * 2000,
    "100,000 brackets": "model: " + "[" * 100_000,
    "2,000 braces": "model: " + "{a: " * 2000 + "1" + "}" * 2000,
    "2,000 indented levels": "".join(" " * n + "a:\n" for n in range(1000)),
    "2,000 dashes": "model:\n  " + "- " * 2000 + "1",
    "an alias within itself": "model: &m\n  layers: [*m]",
    "a list that holds itself": "model: &m [*m]",
    "merged with itself": "model: &m\n  <<: *m",
    "100,000 keys": "".join(f"k{n}: 1\n" for n in range(100_000)),
    "2 MB": "seed: 1\n" + "# comment\n" * 200_000,
    "a number of a million digits": "seed: " + "1" * 900_000,
    "a string of 900,000 characters": "engine: " + "x" * 900_000,
    "a sexagesimal tower": "seed: " + ":".join(["59"] * 100_000),
    "100,000 documents": "---\n" * 100_000,
    "100,000 anchors": "model: [" + ", ".join(f"&a{n} 1" for n in range(60_000)) + "]",
    "nothing but tabs": "\t" * 100_000,
    "a chain of 2,000 quotes": "model: " + "'" * 2001,
    "zero bytes": "\0" * 1000,
}


@row(7, "YAML bombs, 2,000 nested brackets, recursive aliases", full=1, sample=1)
def bombs(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Each refused in under 0.1 s, in well-formed lines."""
    load_experiment("pm25_deep")
    cases = dict(BOMBS)
    cases["a file that extends itself"] = "extends: bomb.yaml\n"
    cases["a model that includes itself"] = "model: bomb.yaml\n"
    for name, text in cases.items():
        Path("bomb.yaml").write_text(text, encoding="utf-8")
        started = time.process_time()
        said = refusal(Path("bomb.yaml"))
        seconds = time.process_time() - started
        outcome.check(said is None and within(seconds, 0.1), f"{name}: {said or 'refused'} after {seconds:.3f} s")


def refusal(path: Path, needed: bool = True) -> str | None:
    """None if a config is refused in well-formed lines (or accepted, where that is all right); else what is wrong."""
    try:
        load_experiment(path)
    except ConfigError as err:
        lines = str(err).split("\n")
        wrong = [line for line in lines if not (LINE.fullmatch(line) or MORE.fullmatch(line) or ": the file " in line)]
        whole = [line for line in wrong if not re.fullmatch(r"[^\n]+\.ya?ml: \S.*", line)]
        return f"not a well-formed line: {whole[0][:200]}" if whole else None
    except Exception as err:
        return f"{type(err).__name__}: {str(err)[:200]}"
    return "accepted" if needed else None


def shipped_copy() -> list[Path]:
    """The shipped configs and models, copied into the current folder."""
    for name in ("configs", "models"):
        shutil.copytree(ROOT / name, name, dirs_exist_ok=True)
    return sorted(Path("configs").glob("*.yaml"))


TOKENS = [
    *("*x", "&x ", "!!str ", "null", "[", "]", "{", "}", ": ", "- ", "\n", "  ", "'", '"', "#", "---\n", "|\n"),
    *("<<: *x", "? ", "1e999", "\t", "\0", "\u2028", "\U0001f600", "%YAML 1.1\n", "\\u", ".yaml", ".nan", "@"),
    *("`", "-1", "no", "0"),
]


def mutate(text: str, rng: random.Random) -> str:
    """One to three characters, words or lines deleted, doubled, exchanged or replaced."""
    for _ in range(rng.randint(1, 3)):
        parts = re.findall(rng.choice([r"(?s).", r"(?s)\w+|\W", r"[^\n]*\n"]), text) or [text]
        i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
        kind = rng.randrange(5)
        if kind == 0:
            parts[i] = ""
        elif kind == 1:
            parts[i] *= 2
        elif kind == 2:
            parts[i], parts[j] = parts[j], parts[i]
        elif kind == 3:
            parts[i] = rng.choice([*TOKENS, *string.printable])
        else:
            parts[i] += rng.choice(TOKENS)
        text = "".join(parts)
    return text


@row(8, "a wrong config", full=10_000, sample=200)
def wrong_configs(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Mutants of all shipped configs and models; then one-letter slips in every key and name."""
    configs = shipped_copy()
    files = [*configs, *sorted(Path("models").glob("*.yaml"))]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    for n in range(trials):
        path = rng.choice(files)
        path.write_text(mutate(texts[path], rng), encoding="utf-8")
        config = path if path in configs else rng.choice(configs)
        said = refusal(config, needed=False)
        outcome.check(said is None, f"{path}: {said}: {path.read_text(encoding='utf-8')!r}"[:600])
        if n % 250 == 0:
            code, output = run_command("check", str(config))
            good = code in (0, 2) and "Traceback" not in output
            outcome.check(good, f"check {config}: exit {code}: {output[-200:]}")
        path.write_text(texts[path], encoding="utf-8")
    slips = list(one_letter_slips(texts, rng))
    chosen = slips if trials >= 10_000 else rng.sample(slips, min(len(slips), trials))
    right, wrong = 0, []
    for path, word, text in chosen:
        path.write_text(text, encoding="utf-8")
        config = path if path in configs else Path("configs") / path.name.replace("rnn", "pm25")
        try:
            load_experiment(config)
            suggested = None
        except MinidlError as err:
            suggested = re.search(r"did you mean (\w+)", str(err))
        right += suggested is not None and suggested[1] == word
        wrong += [word] * (suggested is None or suggested[1] != word)
        path.write_text(texts[path], encoding="utf-8")
    share = right / len(chosen)
    outcome.check(share >= 0.95, f"only {share:.1%} of {len(chosen)} slips have the right suggestion: {wrong[:20]}")
    outcome.note = f"{share:.1%} of {len(chosen)} slips suggested right"


def one_letter_slips(texts: dict[Path, str], rng: random.Random) -> Iterator[tuple[Path, str, str]]:
    """File, right word, and text with the word misspelt: keys and class names."""
    for path, text in texts.items():
        for match in re.finditer(r"\b[A-Za-z_]{4,}(?=:)|(?<=type: )\w+", text):
            word = match[0]
            if text[: match.start()].rsplit("\n", 1)[-1].lstrip().startswith("#") or word in ("extends", "source"):
                continue
            for _ in range(4):
                i = rng.randrange(len(word))
                slip = rng.choice(
                    [
                        word[:i] + word[i + 1 :],
                        word[:i] + word[i] + word[i:],
                        word[:i] + rng.choice(string.ascii_lowercase) + word[i + 1 :],
                        word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :],
                    ]
                )
                if slip != word and slip not in argument_hints(Experiment):
                    yield path, word, text[: match.start()] + slip + text[match.end() :]


def bad_tables() -> dict[str, tuple[bytes, str]]:
    """Contents of air.csv, and what the refusal must say."""
    whole = Path("air.csv").read_bytes()
    lines = whole.split(b"\n")

    def line(number: int, new: bytes) -> bytes:
        return b"\n".join([*lines[: number - 1], new, *lines[number:]])

    cells = lines[99].split(b",")

    def cell(column: int, new: bytes) -> bytes:
        return line(100, b",".join([*cells[:column], new, *cells[column + 1 :]]))

    return {
        "a row too short": (line(100, b",".join(cells[:3])), r"air\.csv:100: 3 cells"),
        "a row too long": (line(100, lines[99] + b",1"), r"air\.csv:100: 5 cells"),
        "an empty line within": (line(100, b""), r"air\.csv:100: an empty line"),
        "text among numbers": (
            cell(1, b"high"),
            r"air\.csv:100: column pm: 'high'",
        ),
        "a gap": (cell(1, b""), r"air\.csv:100: column pm: a gap"),
        "infinity": (cell(1, b"inf"), r"air\.csv:100: column pm: 'inf'"),
        "NaN": (cell(1, b"NaN"), r"air\.csv:100: column pm: a gap"),
        "an unknown category": (
            cell(3, b"sout"),
            r"air\.csv:100: .*'sout'; did you mean south",
        ),
        "a time twice": (line(100, lines[98]), r"air\.csv:100: the time .* stands there twice"),
        "a row missing": (b"\n".join([*lines[:99], *lines[100:]]), r"air\.csv:100: the time .* evenly spaced"),
        "no time": (
            cell(0, b"2013-13-01 00:00"),
            r"air\.csv:100: column date: '2013-13-01 00:00'",
        ),
        "no UTF-8": (line(100, b"\xff\xfe"), r"air\.csv:100: the byte 0xff"),
        "a quote left open": (line(100, b'"' + lines[99]), r"air\.csv:100: not a CSV row"),
        "a header only": (lines[0] + b"\n", r"air\.csv: a header but no rows"),
        "one row": (b"\n".join(lines[:2]) + b"\n", r"air\.csv: only one row of data"),
        "nothing": (b"", r"air\.csv: the file is empty"),
        "a column missing": (whole.replace(b"date,pm", b"date,pn", 1), r"air\.csv:1: no column 'pm'; known: date, pn"),
        "a column twice": (whole.replace(b"pm,temp", b"pm,pm", 1), r"air\.csv:1: the column 'pm' appears 2 times"),
        "another delimiter": (
            whole.replace(b",", b";"),
            r"^air\.csv:1: the header is one cell; is the delimiter ';'\?$",
        ),
        "too few rows": (b"\n".join(lines[:50]) + b"\n", r"49 rows and test_size 60 leave 0 rows"),
    }


@row(16, "bad data", full=1, sample=1)
def bad_data(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Ragged rows, text among numbers, gaps, one row: a line with file:row for each problem; BOM and CRLF are read."""
    Path("small.yaml").write_text(CONFIG, encoding="utf-8")
    write_csv("air.csv")
    whole = Path("air.csv").read_bytes()
    experiment = load_experiment("small.yaml")
    expected = experiment.load_data().table.values
    for name, (content, message) in bad_tables().items():
        Path("air.csv").write_bytes(content)
        try:
            experiment.load_data()
            said = "accepted"
        except DataError as err:
            said = str(err)
        places = [re.match(r"air\.csv:\d+: ", line) for line in said.splitlines()[1:]]
        outcome.check(re.search(message, said) is not None and all(places), f"{name}: {said}")
    for name, content in {"a byte order mark": b"\xef\xbb\xbf" + whole, "CRLF": whole.replace(b"\n", b"\r\n")}.items():
        Path("air.csv").write_bytes(content)
        outcome.check((experiment.load_data().table.values == expected).all(), f"{name}: other values")
    outcome.check((hourly_rows() == expected).all(), "values were dropped or changed")
    Path("air.csv").write_bytes(b"date,pm\n")
    code, text = run_command("train", "small.yaml")
    outcome.check(code == 3 and text.count("\n") == 1 and "Traceback" not in text, f"exit {code}: {text}")
