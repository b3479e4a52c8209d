"""What the files of a comparison hold beside its plan: declared, sealed, and checked before anything is made of it.

A record is what one run gave. Its file names the comparison that it belongs to and
the file of its weights, and has a digest of all that, so that no byte of either can
change unnoticed. This finds damage and mixed-up files; it is no signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

import numpy as np
from msgspec import Meta

from minidl.comparison.both_sources import score_of_sums
from minidl.comparison.plan import encode, sha256
from minidl.comparison.tested import terms_of
from minidl.comparison.trials import Record
from minidl.core.errors import CorruptFileError
from minidl.core.text import listed, printable
from minidl.files.manifests import FileEntry
from minidl.files.reading import convert_json, decode_json
from minidl.runs.run_folder import DataFacts
from minidl.tasks.protocols import Stretches
from minidl.tasks.terms import Terms

Time = Annotated[float, Meta(ge=0, le=1e9)]  # seconds; a billion are thirty years


Scores = dict[str, dict[str, dict[str, float | None]]]  # by table, row and metric; null where undefined
Column = list[float | None]


class _OfTargets(TypedDict, total=False):
    targets: dict[str, dict[str, Scores]]


class DataFile(_OfTargets):
    """What data.json says; earlier ones nothing of ``targets``."""

    baselines: dict[str, Scores]
    facts: dict[str, str]
    assumptions: dict[str, list[str]]
    left_out: dict[str, str]
    outside: dict[str, Stretches]


class Seconds(TypedDict, total=False):
    """Times that a run took; scoring only where there was any."""

    training: Time
    scoring: Time


class AnyRecord(TypedDict):
    """What every record says."""

    label: str
    seed: int
    status: Literal["done", "failed", "unscored"]
    error: str | None
    parameters: int
    data: DataFacts
    environment: dict[str, Any]
    seconds: Seconds


class DoneRecord(AnyRecord):
    """What the record of a run says that has scores."""

    engine: Literal["numpy", "compiled"]
    epoch: int
    curve: dict[str, Column]
    scores: Scores
    stretches: Stretches
    more: dict[str, Any]
    weights_sha256: str


class RecordFile(TypedDict):
    """A record as it is stored.

    plan : digest of the comparison, all shards together.
    weights : size and SHA-256 of the file beside it; null: there is none.
    sha256 : of all else.
    """

    plan: str
    record: dict[str, Any]
    weights: FileEntry | None
    sha256: str


def check_data(data: Mapping[str, Any], labels: Iterable[str], terms: Terms, where: object) -> None:
    """Refuse baselines that are not of these configs and of this task.

    Raises
    ------
    CorruptFileError
        One line.
    """
    found = convert_json(dict(data), DataFile, where)
    baselines, assumptions = found["baselines"], found["assumptions"]
    if assumptions.keys() != set(labels):
        raise CorruptFileError(f"{printable(where)}: damaged: it does not tell what each config's scores assume.")
    reference = terms.task.reference
    if reference not in baselines:
        raise CorruptFileError(f"{printable(where)}: damaged: there is no baseline called {reference}.")
    for name, scores in baselines.items():
        _check_scores(scores, terms, f"{printable(where)}: {printable(name)}")
    for target, of in found.get("targets", {}).items():
        for name, scores in of.items():
            _check_scores(scores, terms, f"{printable(where)}: {printable(target)}: {printable(name)}")
    for name, stretches in found["outside"].items():
        if name not in baselines:
            raise CorruptFileError(f"{printable(where)}: damaged: {printable(name)} has no scores.")
        _check_stretches(stretches, baselines[name], terms, f"{printable(where)}: {printable(name)}")
    try:
        terms.check_facts(found["facts"])
    except (ValueError, KeyError) as err:
        raise CorruptFileError(f"{printable(where)}: damaged: its facts are not those of the data.") from err


def check_record(record: Record, config: Mapping[str, Any], where: object) -> None:
    """Refuse a record that is not one of a run of this config.

    Raises
    ------
    CorruptFileError
        One line.
    """
    said = convert_json(record, AnyRecord, where)
    if "training" not in said["seconds"]:
        raise CorruptFileError(f"{printable(where)}: damaged: it does not say how long the training took.")
    if said["status"] != "done":
        if not isinstance(said["error"], str):
            raise CorruptFileError(f"{printable(where)}: damaged: it does not say what went wrong.")
        return
    done, terms = convert_json(record, DoneRecord, where), terms_of(config)
    _check_scores(done["scores"], terms, where)
    finite = [metric.name for metric in terms.task.metrics if not metric.undefined]
    everything = [scores for table in done["scores"].values() for scores in table.values()]
    if any(one[name] is None for one in everything for name in finite):
        raise CorruptFileError(f"{printable(where)}: damaged: a run that is done has scores that are not finite.")
    _check_stretches(done["stretches"], done["scores"], terms, where)
    try:
        terms.check_more_scores(done["more"])
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise CorruptFileError(f"{printable(where)}: damaged: its scores are not those of the config.") from err
    curve, most = done["curve"], config["training"]["epochs"]
    n = len(curve.get("epoch", ()))
    epochs = list(range(1, n + 1))
    allowed = 1 <= n <= most if config["training"].get("callbacks") else n == most  # a callback may end a training
    complete = allowed and curve.get("epoch") == epochs and {"train_loss", "validation_loss"} <= curve.keys()
    if not complete or any(len(column) != len(epochs) for column in curve.values()):
        raise CorruptFileError(f"{printable(where)}: damaged: its epochs are not those of the config.")


def _check_scores(scores: Scores, terms: Terms, where: object) -> None:
    expected = {table: set(terms.rows_of(table)) for table in terms.task.tables}
    if {table: set(rows) for table, rows in scores.items()} != expected:
        rows = listed(list(terms.task.rows()))
        raise CorruptFileError(f"{printable(where)}: damaged: its scores are not of the {terms.row_noun}s {rows}.")
    names = {metric.name for metric in terms.task.metrics}
    if any(one.keys() != names for table in scores.values() for one in table.values()):
        raise CorruptFileError(f"{printable(where)}: damaged: its scores are not those of the task.")


def _check_stretches(stretches: Stretches, scores: Scores, terms: Terms, where: object) -> None:
    """The scores are those of the sums, but for rounding."""
    try:
        for row, by_metric in stretches.items():
            for name, sums in by_metric.items():
                made, score = score_of_sums(terms.metric(name), sums), scores[terms.task.table][row][name]
                if not np.isclose(made, np.nan if score is None else score, rtol=1e-6, atol=1e-9, equal_nan=True):
                    raise ValueError("they are others")
    except (ValueError, LookupError, StopIteration) as err:
        raise CorruptFileError(f"{printable(where)}: damaged: its scores are not those of its stretches.") from err


def encode_record(record: Record, plan: str, weights: FileEntry | None) -> bytes:
    """The content of a record's file."""
    body = {"plan": plan, "record": record, "weights": weights}
    return encode({**body, "sha256": sha256(encode(body))})


def decode_record(content: bytes, plan: str, where: Path) -> RecordFile:
    """A record of this comparison, its digest checked; see `check_record` for the rest.

    Raises
    ------
    CorruptFileError
        It is damaged, or belongs to another comparison.
    """
    found = decode_json(content, dict[str, Any], where)
    body = {key: value for key, value in found.items() if key != "sha256"}
    try:
        whole = sha256(encode(body)) == found.get("sha256") and encode(found) == content
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise CorruptFileError(f"{printable(where)}: damaged; delete it, and the comparison makes this run again.")
    file = convert_json(found, RecordFile, where)
    if file["plan"] != plan:
        raise CorruptFileError(f"{printable(where)}: belongs to another comparison; delete it.")
    return file
