"""The command line: ``minidl VERB ...``. Each verb is a small module beside this one.

A verb's module has `configure(parser)` and `run(args)`, which returns the exit
code. It is imported only when its verb is called, so ``--help`` stays quick.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from minidl._version import __version__
from minidl.errors import MinidlError, StorageError
from minidl.interrupt import EndOnSignal, RaiseOnSignal
from minidl.registry import plugin_place, suggest

VERBS = {
    "train": "train a config's model, score it, and leave a run folder",
    "resume": "go on with a run that was killed or interrupted",
    "reproduce": "train a run again from its folder, and compare",
    "evaluate": "score a run again",
    "compare": "train configs over many seeds and say which is better, and how sure that is",
    "budget": "the widths of a stack that meet a number of parameters",
    "predict": "forecast from the end of a table",
    "summary": "the layers of a config or run: shapes and parameters",
    "check": "check configs without reading any data",
    "check-layer": "check a layer of your own against the layer protocol",
    "list": "what configs can name: layers, losses, configs, ...",
    "schema": "print the JSON Schema of configs, for editors",
    "new": "write a starter config",
}

EXIT_CODES = """exit codes: 0 done, 1 a check or reproduction failed, 2 wrong config or usage,
3 corrupt or incompatible file, 4 cannot read or write, 5 NaN or Inf, 75 run folder in use,
130/143 interrupted, after saving"""


class _Parser(argparse.ArgumentParser):
    """argparse, with errors of one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    # Not list(...): once the verb `list` has run, that name in this package is its module.
    arguments = [*(sys.argv[1:] if argv is None else argv)]
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output has gone, as in `| head`
        _discard_output()
        return 0
    except OSError as err:
        _discard_output()
        print(f"minidl: {err.filename or 'standard output'}: {err.strerror or err}", file=sys.stderr)
        return StorageError.exit_code


def _discard_output() -> None:
    """Let Python's last flush go nowhere, where it cannot fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"minidl {__version__}")
        return 0
    verb = arguments[0]
    if verb not in VERBS:
        print(f"minidl: unknown command {verb!r}{suggest(verb, VERBS)}", file=sys.stderr)
        return 2
    return _run(verb, arguments[1:])


def _run(verb: str, arguments: list[str]) -> int:
    with EndOnSignal():
        module = importlib.import_module(f"minidl.cli.{verb.replace('-', '_')}")
    parser = _Parser(prog=f"minidl {verb}", description=module.__doc__, epilog=EXIT_CODES, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    module.configure(parser)
    try:
        with RaiseOnSignal():
            code: int = module.run(parser.parse_args(arguments))
        return code
    except SystemExit as stop:  # argparse: --help, or wrong usage
        return stop.code if isinstance(stop.code, int) else 2
    except MinidlError as err:
        print(f"minidl {verb}: {err}" if "\n" not in str(err) else str(err), file=sys.stderr)
        return err.exit_code
    except KeyboardInterrupt as err:
        print(f"minidl {verb}: interrupted", file=sys.stderr)
        return 128 + int(getattr(err, "signal", signal.SIGINT))
    except Exception as err:
        place = plugin_place(err)
        if place is None:  # a fault of minidl's own
            raise
        print(f"minidl {verb}: {place}: {type(err).__name__}: {err}", file=sys.stderr)
        return 2


def _overview() -> str:
    verbs = "\n".join(f"  {name:<12} {text}" for name, text in VERBS.items())
    return f"""usage: minidl VERB ...

Recurrent stacks on NumPy, assembled from YAML, compared honestly.

{verbs}

minidl VERB --help tells a verb's arguments. Start with: minidl train pm25_deep

{EXIT_CODES}"""
