"""The folder of a comparison: its plan, one file for each run that is done, and what was made of them.

``runs/compare-<NNN>/`` holds plan.json, environment.json, data.json (the baselines),
runs/<config>/seed-<NNNN>.json with .safetensors beside it, and after the last run
comparison.json, report.md, report.html and figures/. A file is written in one step,
so a comparison that was cut off goes on with the runs that are missing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.numpy

from minidl.comparison.entries import Entry
from minidl.comparison.tasks import Outcome, Record, Task, Weights, digest_of
from minidl.errors import ConfigError, CorruptFileError, StorageError
from minidl.files.locking import LOCK, FileLock
from minidl.files.reading import read_inside
from minidl.files.storage import sweep, write_file
from minidl.run_folder import RunFolder

PLAN, ENVIRONMENT, DATA, RESULT = "plan.json", "environment.json", "data.json", "comparison.json"
FORMAT = 1
PROTOCOL_SEEDS = 5
MAX_FILE = 1 << 26
_OURS = re.compile(r"(plan|environment|data|comparison)\.json|report\.(md|html)|seed-\d{4,}\.(json|safetensors)")


@dataclass(frozen=True)
class Plan:
    """What a comparison computes.

    Parameters
    ----------
    entries : the configs, resolved.
    seeds : 0 ... seeds - 1 are used for each.
    plugins : Python files that the configs need.
    data : what the data are, by label: rows and SHA-256.
    version : of minidl.
    overrides : ``key.path=value`` that the configs hold already; to say how to repeat it.
    shard : (i, n): only every n-th run, from the i-th on; None: all.
    """

    entries: tuple[Entry, ...]
    seeds: int
    plugins: tuple[str, ...]
    data: Mapping[str, Any]
    version: str
    shard: tuple[int, int] | None = None
    overrides: tuple[str, ...] = ()

    def tasks(self) -> list[Task]:
        """All runs of this plan's shard, seed by seed; those that show a shortcut for the first seeds only."""
        tasks = [
            Task(entry.label, entry.config, seed, self.plugins)
            for seed in range(self.seeds)
            for entry in self.entries
            if entry.role == "compared" or seed < PROTOCOL_SEEDS
        ]
        return tasks if self.shard is None else tasks[self.shard[0] - 1 :: self.shard[1]]

    def compared(self) -> list[Entry]:
        """The configs that the question is about."""
        return [entry for entry in self.entries if entry.role == "compared"]

    def whole(self) -> Plan:
        """The plan of all shards together."""
        return replace(self, shard=None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "entries": [asdict(entry) for entry in self.entries]}

    def digest(self) -> str:
        """SHA-256 of what decides the results."""
        values = self.as_dict()
        entries = [{key: entry[key] for key in ("label", "config", "role")} for entry in values["entries"]]
        decisive = {key: values[key] for key in ("seeds", "data", "version", "shard")}
        return sha256(encode({**decisive, "entries": entries}))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Plan:
        """The plan that `as_dict` has described."""
        entries = tuple(Entry(**entry) for entry in values["entries"])
        shard = values["shard"]
        return cls(
            entries,
            int(values["seeds"]),
            tuple(values["plugins"]),
            values["data"],
            str(values["version"]),
            None if shard is None else (int(shard[0]), int(shard[1])),
            tuple(values.get("overrides", ())),
        )


class ComparisonFolder:
    """The files of one comparison."""

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path, self.plan = path, plan

    @classmethod
    def create(cls, plan: Plan) -> tuple[ComparisonFolder, FileLock]:
        """``runs/compare-<NNN>`` with the next free number, locked; for a shard ``runs/compare-<i>of<n>-<NNN>``."""
        name = "compare" if plan.shard is None else "compare-{}of{}".format(*plan.shard)
        made, lock = RunFolder.number(name)
        folder = cls(made.path, plan)
        folder.write_json(PLAN, {"format": FORMAT, "digest": plan.digest(), **plan.as_dict()})
        return folder, lock

    @classmethod
    def open(cls, path: Path) -> ComparisonFolder:
        """The comparison in a folder.

        Raises
        ------
        ConfigError
            There is none.
        CorruptFileError
            Its plan is damaged, or of another version's format.
        """
        if not (path / PLAN).is_file():
            raise ConfigError(f"{path}: not a folder of a comparison (it has no {PLAN}).")
        values = read_json(path / PLAN)
        if values.get("format") != FORMAT:
            raise CorruptFileError(f"{path / PLAN}: format {values.get('format')!r}; expected {FORMAT}.")
        try:
            plan = Plan.from_dict(values)
            if plan.digest() != values["digest"]:
                raise ValueError("digest")
        except (KeyError, TypeError, ValueError) as err:
            raise CorruptFileError(f"{path / PLAN}: damaged or edited.") from err
        return cls(path, plan)

    def lock(self) -> FileLock:
        """The folder's lock.

        Raises
        ------
        InUseError
            Another process is working on this comparison.
        """
        lock = FileLock(self.path / LOCK)
        for folder in (self.path, *(self.path / "runs").glob("*")):
            sweep(folder, _OURS)
        return lock

    def unfinished(self) -> bool:
        """Whether runs are missing, or nothing was made of them yet."""
        return not (self.path / RESULT).is_file() or bool(self.missing())

    def place(self, label: str, seed: int) -> Path:
        """The record of one run."""
        return self.path / "runs" / label / f"seed-{seed:04d}.json"

    def missing(self) -> list[Task]:
        """The runs that are still to be done."""
        return [task for task in self.plan.tasks() if not self.place(task.label, task.seed).is_file()]

    def store(self, task: Task, outcome: Outcome) -> None:
        """Keep the outcome of a run; the record comes last, and with it the run counts as done.

        Raises
        ------
        StorageError
            The disk is full or the folder cannot be written.
        CorruptFileError
            The run was made with other data or another minidl than planned.
        """
        record, planned = outcome.record, self.plan.data[task.label]
        name = f"{task.label}, seed {task.seed}"
        if record["data"] != planned:
            raise CorruptFileError(f"{name}: was trained on other data than those of this process; both must be equal.")
        if record["environment"]["minidl"] != self.plan.version:
            raise CorruptFileError(
                f"{name}: was trained by minidl {record['environment']['minidl']}; here it is {self.plan.version}."
            )
        path = self.place(task.label, task.seed)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise StorageError(f"{path.parent}: cannot make this folder: {err.strerror or err}.") from err
        if outcome.weights:
            write_file(path.with_suffix(".safetensors"), safetensors.numpy.save(outcome.weights))
        body = encode(record)
        write_file(path, json.dumps({"sha256": sha256(body), "record": record}, indent=1).encode())

    def records(self) -> list[Record]:
        """All runs that are done, in the order of the plan.

        Raises
        ------
        CorruptFileError
            A record is damaged; the message names it.
        """
        places = [(task, self.place(task.label, task.seed)) for task in self.plan.tasks()]
        return [self._record(task, path) for task, path in places if path.is_file()]

    def _record(self, task: Task, path: Path) -> Record:
        values = read_json(path)
        record = values.get("record")
        if (
            not isinstance(record, dict)
            or sha256(encode(record)) != values.get("sha256")
            or (record["label"], record["seed"]) != (task.label, task.seed)
        ):
            raise CorruptFileError(f"{path}: damaged; delete it, and the comparison makes this run again.")
        return record

    def weights(self, record: Record) -> Weights:
        """The weights that a run has scored, checked.

        Raises
        ------
        CorruptFileError
            They are missing or damaged.
        """
        path = self.place(record["label"], record["seed"]).with_suffix(".safetensors")
        try:
            weights = safetensors.numpy.load(read_inside(path.parent, path.name, MAX_FILE))
        except safetensors.SafetensorError as err:
            raise CorruptFileError(f"{path}: damaged.") from err
        if digest_of(weights) != record["weights_sha256"]:
            raise CorruptFileError(f"{path}: damaged, or not of this run; delete it and the .json beside it.")
        return weights

    def write_json(self, name: str, values: Mapping[str, Any]) -> None:
        """Write one of the folder's own files."""
        write_file(self.path / name, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


def find_unfinished(plan: Plan) -> ComparisonFolder | None:
    """The newest unfinished comparison with this very plan below ``runs/``, or None."""
    for path in sorted(Path("runs").glob("compare-*[0-9]"), reverse=True):
        try:
            folder = ComparisonFolder.open(path)
        except (ConfigError, CorruptFileError, StorageError):
            continue
        if folder.plan.digest() == plan.digest() and folder.unfinished():
            return folder
    return None


def check_shards(folders: Sequence[ComparisonFolder]) -> Plan:
    """The plan that these shards are parts of.

    Raises
    ------
    ConfigError
        They belong to different comparisons, or runs are missing; each is named.
    """
    if not folders:
        raise ConfigError("--merge: expected the folders of shards.")
    plan = folders[0].plan.whole()
    for folder in folders:
        if folder.plan.whole().digest() != plan.digest():
            raise ConfigError(f"{folder.path}: belongs to another comparison than {folders[0].path}.")
    done = {(record["label"], record["seed"]) for folder in folders for record in folder.records()}
    missing = [task for task in plan.tasks() if (task.label, task.seed) not in done]
    if missing:
        named = ", ".join(f"{task.label} seed {task.seed}" for task in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ConfigError(f"--merge: {len(missing)} of {len(plan.tasks())} runs are missing: {named}{more}.")
    return plan


def encode(values: Any) -> bytes:
    """One spelling for one value."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def sha256(content: bytes) -> str:
    """Hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """A mapping from a file.

    Raises
    ------
    CorruptFileError
        It is missing, or holds none.
    """
    try:
        values = json.loads(read_inside(path.parent, path.name, MAX_FILE))
    except (ValueError, RecursionError) as err:
        raise CorruptFileError(f"{path}: damaged, not JSON.") from err
    if not isinstance(values, dict):
        raise CorruptFileError(f"{path}: damaged, expected a mapping.")
    return values
