"""The folder of a comparison: its plan, one file for each run that is done, and what was made of them.

``runs/compare-<NNN>/`` holds environment.json, data.json (the baselines), plan.json,
and manifest.json, which lists these with their SHA-256;
runs/<config>/seed-<NNNN>.json with .safetensors beside it, and after the last run
comparison.json, report.md, report.html and figures/. A file is written in one step,
so a comparison that was cut off goes on with the runs that are missing. What is
read here was perhaps made by somebody else.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl.comparison.plan import PLAN, Plan, check_plan
from minidl.comparison.records import check_data, check_record, decode_record, encode_record
from minidl.comparison.tested import terms_of
from minidl.comparison.trials import Outcome, Record, Trial, Weights, digest_of
from minidl.core.errors import ConfigError, CorruptFileError, StorageError
from minidl.core.text import printable
from minidl.files.locking import LOCK, FileLock
from minidl.files.manifests import MANIFEST, Manifest, checked, encode_manifest, entry, read_manifest
from minidl.files.plugins import PluginRecord
from minidl.files.reading import decode_json, read_inside, real_folder
from minidl.files.storage import sweep, write_file
from minidl.files.tensors import decode_tensors, encode_tensors, tensors_limit
from minidl.runs.environment import decode_environment
from minidl.runs.run_folder import RunFolder

ENVIRONMENT, DATA, RESULT = "environment.json", "data.json", "comparison.json"
REPORTS = ("report.md", "report.html")
FORMAT = 4
MAX_FILE = 1 << 26
_OURS = re.compile(
    r"(plan|environment|data|manifest|comparison)\.json|report\.(md|html)|seed-\d{4,}\.(json|safetensors)|.+\.svg"
)


class ComparisonFolder:
    """The files of one comparison.

    Parameters
    ----------
    plan : what is computed; for a folder that is read see `open`.
    data, environment : the baselines and facts of the data, and what the comparison began with.
    plugins : files that the command line gave, which workers run first. No file of the folder names any.
    """

    def __init__(
        self,
        path: Path,
        plan: Plan,
        *,
        data: dict[str, Any],
        environment: dict[str, Any],
        plugins: Sequence[PluginRecord] = (),
    ) -> None:
        self.path = path
        self.plan = plan
        self.data = data
        self.environment = environment
        self.plugins: tuple[PluginRecord, ...] = tuple(plugins)
        self._whole = plan.whole().digest()
        self._records: dict[tuple[str, int], Record] = {}
        self._params: dict[str, Weights] = {}

    @classmethod
    def create(
        cls, plan: Plan, *, data: dict[str, Any], environment: dict[str, Any], plugins: Sequence[PluginRecord] = ()
    ) -> tuple[ComparisonFolder, FileLock]:
        """``runs/compare-<NNN>`` with the next free number, locked; for a shard ``runs/compare-<i>of<n>-<NNN>``."""
        said = {"format": FORMAT, "digest": plan.digest(), **plan.as_dict()}
        values = {ENVIRONMENT: environment, DATA: data, PLAN: said}
        files = {name: _readable(_text(value), name) for name, value in values.items()}
        made, lock = RunFolder.number("compare" if plan.shard is None else "compare-{}of{}".format(*plan.shard))
        folder = cls(made.path, plan, data=data, environment=environment, plugins=plugins)
        for name, content in files.items():
            write_file(folder.path / name, content)
        listed = {name: entry(content) for name, content in files.items()}
        write_file(folder.path / MANIFEST, encode_manifest(listed))  # what it does not list is not complete
        return folder, lock

    @classmethod
    def open(cls, path: Path) -> ComparisonFolder:
        """The comparison in a folder.

        Raises
        ------
        ConfigError
            There is none.
        CorruptFileError
            A file is damaged, no regular file, or of another version's format; or a link is there.
        """
        path = real_folder(path)
        if not any(os.path.lexists(path / name) for name in (PLAN, MANIFEST)):
            raise ConfigError(f"{printable(path)}: not a folder of a comparison (it has no {PLAN}).")
        RunFolder(path).check_links()
        for name in ("runs", "figures", RESULT, *REPORTS):
            is_file = name not in ("runs", "figures")
            if os.path.lexists(path / name) and not (os.path.isfile if is_file else os.path.isdir)(path / name):
                raise CorruptFileError(f"{printable(path / name)}: not a {'regular file' if is_file else 'folder'}.")
        said = decode_json(read_inside(path, PLAN, MAX_FILE), dict[str, Any], path / PLAN)
        if said.get("format") != FORMAT:
            problem = f"format {printable(said.get('format'))[:20]}; this version of minidl reads format {FORMAT}"
            raise CorruptFileError(f"{printable(path / PLAN)}: {problem}. Compare the configs anew.")
        manifest = read_manifest(path, Manifest)
        contents = {name: checked(path / name, manifest, MAX_FILE) for name in (PLAN, ENVIRONMENT, DATA)}
        try:
            plan = Plan.from_dict(said)
            if plan.digest() != said.get("digest"):
                raise ConfigError("its digest is not that of its content.")
            check_plan(plan)
            if plan.data.keys() != {entry.label for entry in plan.entries} or not plan.compared():
                raise ConfigError("it does not tell the data of its configs.")
        except (ConfigError, CorruptFileError, ValueError, RecursionError) as err:
            problem = printable(err).removeprefix(f"{PLAN}: ").removeprefix("damaged: ")
            raise CorruptFileError(f"{printable(path / PLAN)}: damaged: {problem}") from err
        for config in plan.entries:
            if os.path.lexists(place := path / "runs" / config.label) and not place.is_dir():
                raise CorruptFileError(f"{printable(place)}: not a folder.")
        data = decode_json(contents[DATA], dict[str, Any], path / DATA)
        return cls(path, plan, data=data, environment=decode_environment(contents[ENVIRONMENT], path / ENVIRONMENT))

    def check_data(self) -> None:
        """Refuse baselines that are not those of the plan's configs, which must be known to be right.

        Raises
        ------
        CorruptFileError
            They are not.
        """
        labels, first = [entry.label for entry in self.plan.compared()], self.plan.compared()[0]
        check_data(self.data, labels, terms_of(first.config), self.path / DATA)

    def lock(self) -> FileLock:
        """The folder's lock.

        Raises
        ------
        InUseError
            Another process is working on this comparison.
        """
        if os.path.lexists(self.path / LOCK) and not (self.path / LOCK).is_file():
            raise CorruptFileError(f"{printable(self.path / LOCK)}: not a regular file.")
        lock = FileLock(self.path / LOCK)
        for folder in (self.path, self.path / "figures", *(self.path / "runs").glob("*")):
            if folder.is_dir():
                sweep(folder, _OURS)
        return lock

    def unfinished(self) -> bool:
        """Whether runs are missing, or nothing was made of them yet."""
        return not os.path.lexists(self.path / RESULT) or bool(self.missing())

    def place(self, label: str, seed: int) -> Path:
        """The record of one run."""
        return self.path / "runs" / label / f"seed-{seed:04d}.json"

    def missing(self) -> list[Trial]:
        """The runs that are still to be done."""
        trials = [trial for trial in self.plan.trials() if not os.path.lexists(self.place(trial.label, trial.seed))]
        return [replace(trial, plugins=self.plugins) for trial in trials]

    def store(self, trial: Trial, outcome: Outcome) -> None:
        """Keep the outcome of a run; the record comes last, and with it the run counts as done.

        Raises
        ------
        StorageError
            The disk is full or the folder cannot be written.
        CorruptFileError
            The run was made with other data or another minidl than planned, or is no such outcome.
        """
        if not isinstance(outcome, Outcome):
            raise CorruptFileError(f"{trial.label}, seed {trial.seed}: its worker's answer is no outcome of a run.")
        record, path = outcome.record, self.place(trial.label, trial.seed)
        self._check(trial, record, f"{trial.label}, seed {trial.seed}")
        content = self._encode_weights(outcome, path) if record["status"] == "done" else None
        listed = None if content is None else entry(content)
        body = _readable(encode_record(record, self._whole, listed), path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise StorageError(f"{printable(path.parent)}: cannot make this folder: {err.strerror or err}.") from err
        if content is not None:
            write_file(path.with_suffix(".safetensors"), content)
        write_file(path, body)
        self._records[trial.label, trial.seed] = record

    def _check(self, trial: Trial, record: Record, where: object) -> None:
        """Refuse what is no record of this run."""
        check_record(record, trial.config, where)
        if (record["label"], record["seed"]) != (trial.label, trial.seed):
            raise CorruptFileError(f"{printable(where)}: is of another run.")
        if record["data"] != self.plan.data[trial.label]:
            problem = "was trained on other data than those of this process; both must be equal"
            raise CorruptFileError(f"{printable(where)}: {problem}.")
        version = record["environment"].get("minidl")
        if version != self.plan.version:
            problem = f"was trained by minidl {printable(version)}; here it is {self.plan.version}"
            raise CorruptFileError(f"{printable(where)}: {problem}.")

    def _encode_weights(self, outcome: Outcome, path: Path) -> bytes:
        content = encode_tensors(outcome.weights, path)
        self._decode_weights(outcome.record, content, path)
        return content

    def _decode_weights(self, record: Record, content: bytes, where: Path) -> Weights:
        weights = decode_tensors(content, where, self._parameters(record["label"]))
        if digest_of(weights) != record["weights_sha256"]:
            problem = "damaged, or not of this run; delete it and the .json beside it"
            raise CorruptFileError(f"{printable(where)}: {problem}.")
        return weights

    def records(self) -> list[Record]:
        """All runs that are done, in the order of the plan, with their weights checked; each file is read once.

        Raises
        ------
        CorruptFileError
            A record or its weights are damaged; the message names them.
        """
        found = []
        for trial in self.plan.trials():
            if (trial.label, trial.seed) not in self._records:
                path = self.place(trial.label, trial.seed)
                if not os.path.lexists(path):
                    continue
                self._records[trial.label, trial.seed] = self._read(trial, path)
            found.append(self._records[trial.label, trial.seed])
        return found

    def _read(self, trial: Trial, path: Path) -> Record:
        file = decode_record(self._content(path, MAX_FILE), self._whole, path)
        record, weights = file["record"], path.with_suffix(".safetensors")
        self._check(trial, record, path)
        if record["status"] == "done":
            content = self._weights(record["label"], weights)
            if entry(content) != file["weights"]:
                problem = f"damaged, or not of this run; delete it and the {path.name} beside it"
                raise CorruptFileError(f"{printable(weights)}: {problem}.")
            self._decode_weights(record, content, weights)
        return record

    def _content(self, path: Path, limit: int) -> bytes:
        return read_inside(self.path, path.relative_to(self.path), limit)

    def _weights(self, label: str, path: Path) -> bytes:
        return self._content(path, tensors_limit(self._parameters(label)))

    def _parameters(self, label: str) -> Weights:
        """Arrays with names, shapes and dtypes of a config's parameters, which take no memory."""
        if label not in self._params:
            config = next(entry for entry in self.plan.entries if entry.label == label)
            params = config.experiment().model.params
            self._params[label] = {n: np.broadcast_to(v.dtype.type(0), v.shape) for n, v in params.items()}
        return self._params[label]

    def weights(self, record: Record) -> Weights:
        """The weights that a run has scored, checked.

        Raises
        ------
        CorruptFileError
            They are missing or damaged.
        """
        path = self.place(record["label"], record["seed"]).with_suffix(".safetensors")
        return self._decode_weights(record, self._weights(record["label"], path), path)

    def write_json(self, name: str, values: Mapping[str, Any]) -> None:
        """Write one of the folder's own files."""
        write_file(self.path / name, _text(values))


def _text(values: Mapping[str, Any]) -> bytes:
    return (json.dumps(values, indent=1) + "\n").encode()


def _readable(content: bytes, where: object) -> bytes:
    """A content that can be read again: not too long, and all its texts Unicode."""
    if len(content) > MAX_FILE:
        problem = f"{len(content):,} bytes; at most {MAX_FILE:,} can be read again"
        raise StorageError(f"{printable(where)}: {problem}.")
    try:
        decode_json(content, dict[str, Any], where)
    except CorruptFileError as err:
        raise ConfigError(f"{printable(where)}: cannot be stored, as a text in it is not Unicode.") from err
    return content
