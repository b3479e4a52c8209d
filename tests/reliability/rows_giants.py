"""Row 6: giant shapes, forged headers, hostile names."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minidl.core.errors import MinidlError
from minidl.experiment import load_experiment
from minidl.files.manifests import MANIFEST, encode_manifest, entry
from minidl.runs.checkpoints import OPTIMIZER, STATE, WEIGHTS, load_checkpoint
from minidl.runs.run import Run
from tests.reliability.harness import Outcome, fork, row, run_command, wait, within
from tests.reliability.rows_files import forged, trained


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """The bytes of a safetensors file with this header, which may be a lie."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def forged_tensors() -> dict[str, bytes]:
    """Contents of safetensors files that must be refused, by name."""

    def one(name: str, dtype: Any = "F32", shape: Any = (1,), n_bytes: int = 4) -> bytes:
        item = {"dtype": dtype, "shape": list(shape), "data_offsets": [0, n_bytes]}
        return safetensors({name: item}, bytes(min(n_bytes, 16)))

    huge = {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}
    return {
        "a header of 2^63 bytes": safetensors(b"{}", length=2**63),
        "a header of 10^9 bytes": safetensors(b"{}", length=10**9),
        "a header of 900 kB of brackets": safetensors(b"[" * 900_000),
        "10^12 numbers": one("0.W_xh", shape=[10**12], n_bytes=4 * 10**12),
        "overlapping tensors": safetensors({str(n): huge for n in range(100)}, b"0000"),
        "negative sizes": one("0.W_xh", shape=[-1, -4], n_bytes=16),
        "a tensor called ../x": one("../x"),
        "a tensor with NUL": one("a\0b"),
        "a tensor of 300 characters": one("a" * 300),
        "a dtype that is a list": one("0.W_xh", dtype=[]),
        "an unknown dtype": one("0.W_xh", dtype="BF16", n_bytes=2),
        "an empty file": b"",
    }


def giant_cases(run: Run) -> dict[str, Callable[[], Any]]:
    """Loads that must be refused, by name."""

    def override(*values: str) -> Callable[[], Any]:
        return lambda: load_experiment("small.yaml", values)

    repeat = "model.layers=[{type: Repeat, layer: LAYER, times: 1000000000}, LastStep, {type: Dense, output_size: 1}]"
    cases = {
        "a billion units": override("model.layers.0.hidden_size=1000000000"),
        "10^24 units": override(f"model.layers.0.hidden_size=1{24 * '0'}"),
        "a billion outputs": override("model.layers.2.output_size=1000000000"),
        "a billion layers": override(repeat.replace("LAYER", "LastStep")),
        "nested repeats": override(repeat.replace("LAYER", "{type: Repeat, layer: LastStep, times: 1000}")),
        "10^12 time steps": override("data.time_steps=1000000000000"),
        "a seed of 5,000 digits": override(f"seed=1{5000 * '0'}"),
        "a billion older checkpoints": override("training.checkpoints_kept=1000000000"),
        "a name with NUL": lambda: Run.create(load_experiment("small.yaml"), Path("a\0b")),
        "a name of 300 characters": lambda: Run.create(load_experiment("small.yaml"), Path("a" * 300)),
        "a config with NUL": lambda: load_experiment("a\0b.yaml"),
        "a config of 300 characters": lambda: load_experiment("a" * 300 + ".yaml"),
    }
    for name, content in forged_tensors().items():
        for file in (WEIGHTS, OPTIMIZER):
            cases[f"{file}: {name}"] = lambda file=file, content=content: forged(run, file, content)  # type: ignore[misc]
    cases["a state of 100,000 brackets"] = lambda: forged(run, STATE, b"[" * 100_000)
    cases["a state with a number of 10^6 digits"] = lambda: forged(run, STATE, b"1" * 10**6)
    cases["a manifest of 100,000 brackets"] = lambda: forged(run, MANIFEST, b"[" * 60_000)
    cases["a manifest that lists ../x"] = lambda: forged(run, MANIFEST, encode_manifest({"../x": entry(b"")}))
    cases |= {name: lambda make=make: special(run, make) for name, make in SPECIAL.items()}  # type: ignore[misc]
    return cases


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**11)


SPECIAL: dict[str, Callable[[Path], Any]] = {
    "a sparse file of 100 GB": _sparse,
    "a pipe": os.mkfifo,
    "a folder": lambda path: path.mkdir(),
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


def special(run: Run, make: Callable[[Path], Any]) -> None:
    """Each file of a checkpoint in turn is something else; all must be refused."""
    accepted = []
    for name in (MANIFEST, STATE, WEIGHTS, OPTIMIZER):
        folder = Path(f"copy-{os.getpid()}-{name}", "last")
        shutil.copytree(run.path / "checkpoints" / "last", folder)
        (folder / name).unlink()
        make(folder / name)
        try:
            load_checkpoint(folder, run.experiment.model)
            accepted.append(name)
        except MinidlError:
            pass
    if not accepted:
        raise MinidlError("all refused")


@row(6, "giant shapes, forged headers, hostile names", full=1, sample=1)
def giants(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Each case in under 0.1 s and with little memory, in a process that may not have more."""
    run = trained("run")
    cases = giant_cases(run)
    before = sorted(os.listdir(".."))
    for name, case in cases.items():
        report = f"{len(outcome.failures)}-{outcome.trials}.txt"
        wait(fork(lambda case=case: bounded(case), report), 3)  # type: ignore[misc]
        text = Path(report).read_text(encoding="utf-8").strip()
        outcome.check(text.startswith("refused"), f"{name}: {text[-300:]}")
    outside(run, outcome)
    outcome.check(sorted(os.listdir("..")) == before, "something was written outside")


def bounded(case: Callable[[], Any]) -> int:
    """Print whether a case is refused, within 0.1 s and 64 MB more than there are."""
    load_experiment("small.yaml")  # imports and caches
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    limit = pages * resource.getpagesize() + (64 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    started = time.process_time()
    try:
        case()
        said = "accepted"
    except MinidlError as err:
        seconds = time.process_time() - started
        said = "refused" if within(seconds, 0.1) else f"slow: {seconds:.2f} s: {err}"
    print(said)
    return 0


def outside(run: Run, outcome: Outcome) -> None:
    """Links in a run of somebody else must not lead a write out of it."""
    target = Path("elsewhere")
    target.mkdir()
    for name in ("figures", "checkpoints", "evaluation.json", "log.jsonl"):
        path = run.path / name
        kept = path.rename(f"kept-{name}") if path.exists() else None
        path.symlink_to(target.absolute() if "." not in name else (target / name).absolute())
        for verb in ("evaluate", "resume"):
            code, text = run_command(verb, str(run.path))
            good = code == 3 and not any(target.iterdir())
            outcome.check(good, f"{verb} with a link {name}: exit {code}: {text[-200:]}")
        path.unlink()
        if kept is not None:
            kept.rename(path)
