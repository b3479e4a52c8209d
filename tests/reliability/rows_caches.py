"""Row 18: caches of compiled code that were damaged, forged, or could have been written by somebody else."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import random
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from minidl.compiled.jit import numba_installed
from minidl.core.errors import MinidlError
from tests.reliability.harness import Outcome, fork, row, wait
from tests.reliability.rows_files import damage

BASE, CACHE, GOOD, EVIDENCE = Path("base"), Path("base/cache"), Path("good"), Path("it ran")


class Evil:
    """Unpickled, it imports a module and makes a file outside the cache."""

    def __reduce__(self) -> Any:
        return __import__("runpy").run_path, (str(Path("evil.py").absolute()),)


def forged(path: Path, digest: bool) -> None:
    """Put a pickle that runs code into a file's place, with a checksum that is right or not."""
    content = pickle.dumps(Evil())
    right = hashlib.sha256(path.stem.encode() + content).digest()
    path.write_bytes((right if digest else os.urandom(32)) + content)


def as_a_link(path: Path) -> None:
    real = BASE / f"real {path.name}"
    path.rename(real)
    path.symlink_to(real.absolute())


def as_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def as_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_a_socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def as_a_giant(path: Path) -> None:
    os.truncate(path, 1 << 40)


def given_away(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        path.chmod(0o660)


SHARED_FOLDERS, SHARED_FILES = (0o770, 0o707, 0o777, 0o1777, 0o730, 0o703), (0o620, 0o602, 0o666, 0o660, 0o646)
# Where an enemy who could write there leaves a forged file with a good checksum: not the user's alone.
PLACES: dict[str, Callable[[Path, random.Random], object]] = {
    "a folder for others": lambda path, rng: CACHE.chmod(rng.choice(SHARED_FOLDERS)),
    "a file for others": lambda path, rng: path.chmod(rng.choice(SHARED_FILES)),
    "a parent for others": lambda path, rng: BASE.chmod(rng.choice([0o777, 0o770, 0o707])),
    "a linked file": lambda path, rng: as_a_link(path),
    "a linked folder": lambda path, rng: as_a_link(CACHE),
    "a pipe": lambda path, rng: as_a_pipe(path),
    "a folder for a file": lambda path, rng: as_a_folder(path),
    "a socket": lambda path, rng: as_a_socket(path),
    "a giant": lambda path, rng: as_a_giant(path),
    "a stranger's file": lambda path, rng: given_away(path),
    "a stranger's folder": lambda path, rng: given_away(CACHE),
    "a stranger's parent": lambda path, rng: given_away(BASE) if os.geteuid() == 0 else BASE.chmod(0o777),
}

WATCHED = (
    "import",
    "exec",
    "compile",
    "pickle.find_class",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "socket.connect",
)
CHANGES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
    "shutil.",
)
_events: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _events is None:
        return
    writes = event == "open" and (
        any(letter in str(arguments[1] or "") for letter in "wax+")
        or (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    )
    if writes or event in WATCHED or event.startswith(CHANGES):
        _events.append(f"{event} {str(arguments)[:80]}")


@contextlib.contextmanager
def watched() -> Iterator[list[str]]:
    """What happens meanwhile that must not."""
    global _events
    _events = found = []
    try:
        yield found
    finally:
        _events = None


def fill() -> tuple[str, ...]:
    """A cache with two compiled functions; their names."""
    import numba

    from minidl.compiled import cache
    from minidl.compiled.stack_lines import GeneratedFunction

    os.environ["MINIDL_CACHE"] = str(CACHE.absolute())
    BASE.mkdir(mode=0o700)
    for text in ("def half(x):\n    return x / 2\n", "def twice(x):\n    return x * 2\n"):
        cache.compiled(GeneratedFunction(text, {}, [], 0, []), (numba.float64,), lambda line: None)
    CACHE.rename(GOOD)
    BASE.rmdir()
    Path("evil.py").write_text(f"open({str(EVIDENCE.absolute())!r}, 'w').close()\n")
    return tuple(path.stem for path in sorted(GOOD.glob("*.bin")))


def one_cache(keys: tuple[str, ...], rng: random.Random) -> str:
    """Make a cache that must not be read; what is wrong with it."""
    shutil.rmtree(BASE, ignore_errors=True)
    BASE.mkdir(mode=0o700)
    shutil.copytree(GOOD, CACHE)
    CACHE.chmod(0o700)
    path = CACHE / f"{keys[0]}.bin"
    other = (GOOD / f"{keys[1]}.bin").read_bytes()
    kind = rng.choice(["damage", "damage", "forgery", "another", "place", "place"])
    if kind == "damage":
        kind, content = damage(path.read_bytes(), rng, [other])
        path.write_bytes(content)
    elif kind == "forgery":
        forged(path, digest=False)
    elif kind == "another":
        path.write_bytes(other)
    else:
        forged(path, digest=True)
        kind = rng.choice(sorted(PLACES))
        PLACES[kind](path, rng)
    return kind


def try_all(trials: int, seed: int) -> int:
    """In a process of its own: as many bad caches, each line of output a failure."""
    from minidl.compiled import cache

    rng = random.Random(seed)
    keys = fill()
    sys.addaudithook(_audit)
    good = (GOOD / f"{keys[0]}.bin").read_bytes()[32:]
    for number in range(trials):
        kind = one_cache(keys, rng)
        before = _outside()
        with watched() as events:
            try:
                content = cache.read(keys[0])
                if content is not None:
                    pickle.loads(content)  # as the library would
                    print(f"{number}: {kind}: read")
            except MinidlError as err:
                if "\n" in str(err):
                    print(f"{number}: {kind}: more than one line")
            except Exception as err:
                print(f"{number}: {kind}: {err!r}")
        if events or _outside() != before:
            print(f"{number}: {kind}: {events or 'something outside was touched'}")
    shutil.rmtree(BASE, ignore_errors=True)
    BASE.mkdir(mode=0o700)
    shutil.copytree(GOOD, CACHE)
    CACHE.chmod(0o700)
    if cache.read(keys[0]) != good:
        print("a good cache is not read either")
    return 0


def _outside() -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns) for path in Path().iterdir() if path != BASE)


@row(18, "caches of strangers, damaged and forged", full=10_000, sample=80)
def strangers_caches(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Never loaded, nothing hangs, nothing outside is touched; an audit hook sees no code of theirs."""
    if not numba_installed():
        outcome.note = "left out: numba is not installed"
        return
    seed = rng.randrange(10**9)
    output = Path("..", "output")
    code = wait(fork(lambda: try_all(trials, seed), output), timeout=60 + trials / 20)
    failures = output.read_text(encoding="utf-8").splitlines()
    for _ in range(trials - len(failures)):
        outcome.check(code == 0, f"the process ended with {code}")
    for line in failures:
        outcome.check(False, line)
