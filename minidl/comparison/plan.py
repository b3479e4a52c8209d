"""What a comparison computes, as plan.json tells it, and what a plan must hold to be used.

A plan may come from a folder of somebody else. It names configs and data, never
code: of plugins it has names and SHA-256, and those given on the command line
must be these.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from minidl.comparison.entries import Entry, check_comparable
from minidl.comparison.trials import Trial
from minidl.core.errors import ConfigError, CorruptFileError, MinidlError
from minidl.core.text import printable
from minidl.files.reading import convert_json
from minidl.parallel.plugins import Plugin
from minidl.runs.run_folder import DataFacts

PLAN = "plan.json"
SEEDS_BESIDE = 5
MAX_SEEDS = 10_000
MAX_RUNS = 100_000
MAX_SMALLEST = 1e9
# Labels are names of folders: on every system, and never one that leads elsewhere.
_LABEL = re.compile(r"[\w=+-](?:[\w.=+-]*[\w=+-])?")
MAX_LABEL = 200  # bytes, of the 255 that names of files may have


@dataclass(frozen=True)
class Plan:
    """What a comparison computes.

    Parameters
    ----------
    entries : the configs, resolved.
    seeds : 0 ... seeds - 1 are used for each.
    plugins : that the configs need, as they were at the start.
    data : what the data are, by label.
    version : of minidl.
    overrides : ``key.path=value`` that the configs hold already; to say how to repeat it.
    outside : files with forecasts of other programs, as they were named; to say how to repeat it.
    smallest : difference of the leading metric that matters; None: none is said. It decides no result, but the verdict.
    shard : (i, n): only every n-th run, from the i-th on; None: all.
    """

    entries: tuple[Entry, ...]
    seeds: int
    plugins: tuple[Plugin, ...]
    data: dict[str, DataFacts]
    version: str
    shard: tuple[int, int] | None = None
    overrides: tuple[str, ...] = ()
    smallest: float | None = None
    outside: tuple[str, ...] = ()

    def trials(self) -> list[Trial]:
        """All runs of this plan's shard, seed by seed; those that stand beside for the first seeds only."""
        trials = [
            Trial(entry.label, entry.config, seed)
            for seed in range(self.seeds)
            for entry in self.entries
            if entry.role == "compared" or seed < SEEDS_BESIDE
        ]
        return trials if self.shard is None else trials[self.shard[0] - 1 :: self.shard[1]]

    def compared(self) -> list[Entry]:
        """The configs that the question is about."""
        return [entry for entry in self.entries if entry.role == "compared"]

    def whole(self) -> Plan:
        """The plan of all shards together."""
        return replace(self, shard=None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    def digest(self) -> str:
        """SHA-256 of what decides the results."""
        return sha256(encode(self._decisive()))

    def changes(self, earlier: Plan) -> list[str]:
        """What decides the results and is not as in an earlier plan, in words: ``["plugins", "data"]``."""
        words = {"entries": "configs", "seeds": "seeds", "plugins": "plugins", "data": "data", "version": "versions"}
        now, then = self._decisive(), earlier._decisive()
        return [word for key, word in words.items() if encode(now[key]) != encode(then[key])]

    def _decisive(self) -> dict[str, Any]:
        values = self.as_dict()
        entries = [{key: entry[key] for key in ("label", "config", "role")} for entry in values["entries"]]
        plugins = sorted(plugin.sha256 for plugin in self.plugins)
        decisive = {key: values[key] for key in ("seeds", "data", "version", "shard")}
        return {**decisive, "entries": entries, "plugins": plugins}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Plan:
        """The plan that `as_dict` has described; whether it can be used is the business of `check_plan`.

        Raises
        ------
        CorruptFileError
            The values are of another shape.
        """
        return convert_json(dict(values), cls, PLAN)


def check_plan(plan: Plan) -> None:
    """Refuse a plan that would be too much, or whose labels are no names for folders of their own.

    Raises
    ------
    ConfigError
        One line.
    """
    compared = len(plan.compared())
    total = compared * plan.seeds + (len(plan.entries) - compared) * min(plan.seeds, SEEDS_BESIDE)
    if not 1 <= plan.seeds <= MAX_SEEDS:
        raise ConfigError(f"--seeds: expected 1 to {MAX_SEEDS:,}, got {plan.seeds}.")
    if total > MAX_RUNS:
        raise ConfigError(f"--seeds: {len(plan.entries):,} configs would be {total:,} runs; at most {MAX_RUNS:,}.")
    if plan.smallest is not None and not 0 < plan.smallest <= MAX_SMALLEST:
        raise ConfigError(f"--smallest: expected a number above 0, got {plan.smallest:g}.")
    if plan.shard is not None and not 1 <= plan.shard[0] <= plan.shard[1] <= total:
        given = "/".join(map(str, plan.shard))
        raise ConfigError(f"--shard: expected I/N with 1 <= I <= N <= {total:,}, the number of runs, got {given}.")
    for entry in plan.entries:
        if not _LABEL.fullmatch(entry.label) or len(entry.label.encode()) > MAX_LABEL:
            raise ConfigError(f"{printable(entry.label)[:80]!r}: no name for a folder of a config's runs.")
    labels = Counter(entry.label.casefold() for entry in plan.entries)
    twice = [label for label, count in labels.items() if count > 1]
    if twice:
        raise ConfigError(f"{twice[0]}: two configs of this name; give one of the files another name.")


def check_configs(plan: Plan, where: Path) -> None:
    """Refuse a plan of somebody else whose configs no config file can be resolved to.

    Raises
    ------
    CorruptFileError
        One line.
    """
    for entry in plan.entries:
        try:
            resolved = {key: value for key, value in entry.experiment().to_config().items() if key != "seed"}
            if encode(resolved) != encode(entry.config):
                raise ConfigError("it is not resolved")
        except (MinidlError, RecursionError) as err:
            reason = printable(str(err).partition("\n")[0])
            raise CorruptFileError(f"{printable(where)}: the config of {entry.label}: {reason}") from err
    try:
        check_comparable(plan.compared())
    except ConfigError as err:
        raise CorruptFileError(f"{printable(where)}: {printable(err)}") from err


def encode(values: Any) -> bytes:
    """One spelling for one value."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sha256(content: bytes) -> str:
    """Hexadecimal."""
    return hashlib.sha256(content).hexdigest()
