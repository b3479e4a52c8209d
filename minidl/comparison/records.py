"""What the files of a comparison hold beside its plan: declared, sealed, and checked before anything is made of it.

A record is what one run gave. Its file names the comparison that it belongs to and
the file of its weights, and has a digest of all that, so that no byte of either can
change unnoticed. This finds damage and mixed-up files; it is no signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta

from minidl.comparison.plan import DataFacts, encode, sha256
from minidl.comparison.tasks import Record
from minidl.errors import CorruptFileError
from minidl.files.manifests import Entry as FileEntry
from minidl.files.reading import convert_json, decode_json
from minidl.forecasting import COVARIATES
from minidl.text import printable

Step = Annotated[str, Meta(pattern=r"^(?:\d+ )?[a-z]+$")]  # ``h``, ``30 min``

Time = Annotated[float, Meta(ge=0, le=1e9)]  # seconds; a billion are thirty years


class Scores(TypedDict):
    """Of one block or lead; null where undefined."""

    loss: float | None
    r2: float | None
    mae: float | None
    rmse: float | None


class AllScores(TypedDict):
    """Scores by horizon and by lead."""

    block: dict[str, Scores]
    lead: dict[str, Scores]


class DataFile(TypedDict):
    """What data.json says."""

    baselines: dict[str, AllScores]
    units: str
    step: Step
    assumptions: dict[str, list[str]]
    left_out: dict[str, str]


class Curve(TypedDict):
    """The log by column."""

    epoch: list[int]
    train_loss: list[float | None]
    validation_loss: list[float | None]
    validation_r2: list[float | None]


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
    curve: Curve
    scores: AllScores
    covariates: dict[str, dict[str, Scores]]
    shifted: dict[str, Scores]
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


def check_data(data: Mapping[str, Any], labels: Iterable[str], horizons: Iterable[int], where: object) -> None:
    """Refuse baselines that are not of these configs and horizons.

    Raises
    ------
    CorruptFileError
        One line.
    """
    found = convert_json(dict(data), DataFile, where)
    baselines, assumptions = found["baselines"], found["assumptions"]
    if assumptions.keys() != set(labels) or not all(assumptions.values()):
        raise CorruptFileError(f"{printable(where)}: damaged: it does not tell what each config's scores assume.")
    if "persistence" not in baselines:
        raise CorruptFileError(f"{printable(where)}: damaged: there is no baseline called persistence.")
    for name, scores in baselines.items():
        _check_scores(scores, horizons, f"{printable(where)}: {printable(name)}")


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
    done, horizons = convert_json(record, DoneRecord, where), config["evaluation"]["horizons"]
    _check_scores(done["scores"], horizons, where)
    everything = [*done["scores"]["block"].values(), *done["scores"]["lead"].values()]
    if any(score is None for one in everything for score in (one["loss"], one["mae"], one["rmse"])):
        raise CorruptFileError(f"{printable(where)}: damaged: a run that is done has scores that are not finite.")
    blocks, ways = [done["shifted"], *done["covariates"].values()], done["covariates"].keys()
    if any(block.keys() != set(map(str, horizons)) for block in blocks) or not ways <= {*COVARIATES}:
        raise CorruptFileError(f"{printable(where)}: damaged: its scores are not those of the config.")
    epochs = list(range(1, config["training"]["epochs"] + 1))
    columns = [*done["curve"].values()]
    if done["curve"]["epoch"] != epochs or any(len(column) != len(epochs) for column in columns):  # type: ignore[arg-type]
        raise CorruptFileError(f"{printable(where)}: damaged: its epochs are not those of the config.")


def _check_scores(scores: AllScores, horizons: Iterable[int], where: object) -> None:
    horizons = list(horizons)
    block, lead = ({*map(str, numbers)} for numbers in (horizons, range(1, max(horizons) + 1)))
    if scores["block"].keys() != block or scores["lead"].keys() != lead:
        raise CorruptFileError(f"{printable(where)}: damaged: its scores are not of the horizons {horizons}.")


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
