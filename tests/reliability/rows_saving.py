"""Rows 1, 2 and 9: killed while saving, a system call fails, the disk is full or read-only."""

from __future__ import annotations

import errno
import itertools
import os
import random
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minidl.core.errors import MinidlError, StorageError
from minidl.files import storage
from minidl.runs.checkpoints import read_checkpoint, save_checkpoint
from minidl.runs.saving import CHECKPOINT_NAMES, older_checkpoints
from tests.reliability import disks
from tests.reliability.harness import Outcome, experiment_file, fork, kill, row, run_command, wait, wait_for

LAST = Path("checkpoints/last")


def save(number: int, keep: bool = True) -> None:
    """Save checkpoint `number`: every number in it is `number`, so that a mixture shows."""
    params = {"0.W": np.full((30, 20), number, "float32"), "1.b": np.full(7, number, "float32")}
    older = LAST.with_name(f"last-{number:06d}-000000") if keep else None
    save_checkpoint(LAST, params, {"step": number}, optimizer={"m": np.full(607, number, "float32")}, keep_old_as=older)


def loaded(folder: Path = LAST) -> int | str:
    """The number of the checkpoint that is there, or what is wrong with it."""
    try:
        found = read_checkpoint(folder)
    except MinidlError as err:
        return str(err)
    numbers = {float(value) for part in (found.weights, found.optimizer) for a in part.values() for value in a.ravel()}
    return found.state["step"] if numbers == {found.state["step"]} else f"{folder}: mixed: {sorted(numbers)}"


def leftovers() -> list[str]:
    """Temporary files and folders that are still there."""
    return [path.name for path in LAST.parent.iterdir() if path.name.startswith(".")]


@row(1, "killed while saving", full=500, sample=25)
def killed_while_saving(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """A process saves without end and is killed; another reads all the while."""
    number = itertools.count(1)
    save(0)
    for _ in range(trials):
        start = next(number) * 1000

        def save_without_end(start: int = start) -> None:
            for n in itertools.count(start):
                save(n, keep=n % 3 > 0)

        pid = fork(save_without_end)
        began = wait_for(lambda start=start: loaded() not in range(start))  # type: ignore[misc]
        end = time.monotonic() + rng.uniform(0, 0.02)
        seen = [loaded()]
        while time.monotonic() < end:
            seen.append(loaded())
        kill(pid)
        left = loaded()
        storage.sweep(LAST.parent, CHECKPOINT_NAMES)
        swept = not leftovers() and loaded() == left
        for path in older_checkpoints(LAST.parent)[1:]:
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
        bad = [value for value in [*seen, left] if isinstance(value, str)]
        outcome.check(began and not bad and swept, f"killed at {left}: {bad[:1]} swept {swept}")


CALLS = ("open", "write", "fsync", "rename", "replace", "mkdir", "unlink", "rmdir", "exchange")


class FailingCalls:
    """Context manager: call number `at` of those that change a disk fails; with half a write, if it is one."""

    def __init__(self, at: int, error: int, without: tuple[str, ...] = ()) -> None:
        self.at, self.error, self.without, self.count = at, error, without, 0

    def __enter__(self) -> FailingCalls:
        self.real = {name: getattr(storage if name == "exchange" else os, name) for name in CALLS}
        for name, call in self.real.items():
            setattr(storage if name == "exchange" else os, name, self.failing(name, call))
        return self

    def failing(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **more: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                if name == "write":
                    call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise OSError(self.error, os.strerror(self.error))
            return False if name in self.without else call(*arguments, **more)

        return called

    def __exit__(self, *_: object) -> None:
        for name, call in self.real.items():
            setattr(storage if name == "exchange" else os, name, call)


@row(2, "a system call of a save fails; power is lost", full=1, sample=1)
def failing_calls(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Every call fails once, in each way of saving; then every state in which a lost power may leave the disk."""
    for without, keep, error in itertools.product(((), ("exchange",)), (True, False), (errno.EIO, errno.ENOSPC)):
        for at in itertools.count(1):
            save(1, keep=False)
            with FailingCalls(at, error, without) as calls:
                try:
                    save(2, keep)
                    told = False
                except StorageError:
                    told = True
            if calls.count < at:
                break
            found = loaded()
            storage.sweep(LAST.parent, CHECKPOINT_NAMES)
            good = found in (1, 2) and loaded() == found and not leftovers() and (told or found == 2)
            outcome.check(good, f"call {at} ({errno.errorcode[error]}): found {found}, told {told}")
    for description, good in power_losses():
        outcome.check(good, description)


def power_losses() -> Iterator[tuple[str, bool]]:
    """Every state of the disk after a loss of power during a save."""
    for exchange in (True, False):
        save(1, keep=False)
        recorded = disks.Recorder(LAST.parent, exchange=exchange)
        with recorded:
            save(2, keep=False)
        for crashed in recorded.crashes():
            with crashed.written() as folder:
                found = loaded(folder / LAST.name)
            good = found == 2 if crashed.finished else found in (1, 2)
            yield f"power lost after {crashed}: {found}", good


@row(9, "disk full, read-only folder", full=60, sample=8)
def full_disk(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Training on a disk that takes only so many bytes, on a small tmpfs, and in a folder that cannot be written."""
    arguments = experiment_file("training.epochs=40", "training.checkpoint_every=1")
    for n in range(trials):
        name = f"full-{n}"
        limit = rng.randrange(1000, 120_000)
        code = wait(fork(lambda name=name, limit=limit: train_with_room(name, limit, arguments), f"{name}.txt"))  # type: ignore[misc]
        text = Path(f"{name}.txt").read_text(encoding="utf-8")
        last = Path(name, "checkpoints", "last")
        kept = not last.exists() or isinstance(loadable(last), int)
        said = [line for line in text.splitlines() if line.startswith("minidl train: ")]
        good = code in (0, 4) and "Traceback" not in text and kept and (code == 0 or len(said) == 1)
        outcome.check(good, f"room for {limit} bytes: exit {code}, last {last.exists()} {kept}, {said[:4]}")
    read_only(outcome, arguments)
    small_tmpfs(outcome, arguments)


def train_with_room(name: str, limit: int, arguments: list[str]) -> int:
    """Train, in a process where only the first `limit` bytes can be written into the run."""
    from minidl.cli import main

    left, write = limit, os.write

    def bounded(descriptor: int, content: Any) -> int:
        nonlocal left
        if name in os.readlink(f"/proc/self/fd/{descriptor}"):
            left -= len(content)
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content)

    os.write = bounded
    return main(["train", *arguments, "--run-dir", name])


def loadable(folder: Path) -> int | str:
    try:
        return int(read_checkpoint(folder).state["step"])
    except MinidlError as err:
        return str(err)


def read_only(outcome: Outcome, arguments: list[str]) -> None:
    """A folder that this process may not write to (root may write anywhere, so root becomes nobody first)."""
    Path("locked").mkdir()
    Path("locked").chmod(0o555)

    def train() -> int:
        from minidl.cli import main

        main(["train", *arguments, "--run-dir", "open"])  # imports everything, which nobody may not
        if os.getuid() == 0:
            os.setuid(65534)
        return main(["train", *arguments, "--run-dir", "locked/run"])

    Path().chmod(0o755)
    code = wait(fork(train, "locked.txt"))
    text = Path("locked.txt").read_text(encoding="utf-8")
    outcome.check(code == 4 and "Traceback" not in text, f"read-only folder: exit {code}, {text[-200:]}")


def small_tmpfs(outcome: Outcome, arguments: list[str]) -> None:
    """A file system too small for the checkpoints: refused before the first epoch, with the space needed."""
    Path("tiny").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", "tiny"], capture_output=True)
    if mounted.returncode:  # no right to mount: a limit on the size of files does it too
        outcome.note = "no right to mount a tmpfs; a limit on file sizes instead"

        def train() -> int:
            from minidl.cli import main

            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
            return main(["train", *arguments, "--run-dir", "tiny/run"])

        code = wait(fork(train, "tiny.txt"))
        text = Path("tiny.txt").read_text(encoding="utf-8")
    else:
        try:
            code, text = run_command("train", *arguments, "--run-dir", "tiny/run")
        finally:
            subprocess.run(["umount", "tiny"], check=True)
    good = code == 4 and "bytes are needed" in text and "epoch" not in text and "Traceback" not in text
    outcome.check(good, f"small tmpfs: exit {code}, {text[-300:]}")
