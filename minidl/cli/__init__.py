"""The command line: ``minidl VERB ...``. Each verb is two small modules of its name.

The one in `arguments` has `configure(parser)`, and its docstring is the description; it
imports next to nothing, so that ``--help`` and wrong usage are answered at once. The one beside
this file has `run(args)`, which returns the exit code. Both are imported only when their verb is called.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from minidl._version import __version__
from minidl.core.errors import MinidlError, StorageError
from minidl.core.importing import importing
from minidl.core.interrupt import EndOnSignal, RaiseOnSignal
from minidl.core.output import say, show
from minidl.core.registry import suggest
from minidl.core.standard_streams import guarded_standard_streams

VERBS = {
    "train": "train a config's model, score it, and leave a run folder",
    "resume": "go on with a run that was killed or interrupted",
    "reproduce": "train a run again from its folder, and compare",
    "evaluate": "score a run again",
    "compare": "train configs over many seeds and say which is better, and how sure that is",
    "backtest": "score a config from origins that roll forward, trained anew before each and trained once",
    "search": "look for good values of a config's keys, by the validation score",
    "find-rate": "look for a learning rate: a short training whose rate grows, and its picture",
    "budget": "the widths of a stack that meet a number of parameters",
    "predict": "forecast from the end of a table",
    "export": "write a run's model as an ONNX file, which other programs run",
    "summary": "the layers of a config or run: shapes and parameters",
    "check": "check configs without reading any data",
    "check-layer": "check a layer of your own against the layer protocol",
    "equations": "print a cell's equations, forward and backward",
    "list": "what configs can name: layers, losses, configs, ...",
    "schema": "print the JSON Schema of configs, for editors",
    "new": "write a starter config, or a starter cell",
}

EXIT_CODES = """exit codes: 0 done, 1 a check or reproduction failed, 2 wrong config or usage,
3 corrupt or incompatible file, 4 cannot read or write, or a package is missing,
5 NaN or Inf, 75 run folder in use, 129/130/143 interrupted, after saving"""


class _Parser(argparse.ArgumentParser):
    """argparse, with errors of one line."""

    def error(self, message: str) -> NoReturn:
        unknown = message.partition("unrecognized arguments: ")[2]
        if unknown:
            from minidl.cli.hints import option_hint  # which knows the whole config

            message += option_hint(unknown.split(" "), self._option_string_actions)
        say(f"{self.prog}: {message}; see {self.prog} --help")
        self.exit(2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    # Not list(...): once the verb `list` has run, that name in this package is its module.
    arguments = [*(sys.argv[1:] if argv is None else argv)]
    with guarded_standard_streams():
        return _dispatch(arguments)


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        (show if arguments else say)(*_overview())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        show(f"minidl {__version__}")
        return 0
    verb = arguments[0]
    if verb not in VERBS:
        say(f"minidl: unknown command {verb!r}{suggest(verb, [*VERBS, '--help', '--version'])}")
        return 2
    return _run(verb, arguments[1:])


def _run(verb: str, arguments: list[str]) -> int:
    name = verb.replace("-", "_")
    with EndOnSignal():
        module = importlib.import_module(f"minidl.cli.arguments.{name}")
    parser = _Parser(prog=f"minidl {verb}", description=module.__doc__, epilog=EXIT_CODES, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    module.configure(parser)
    try:
        args = parser.parse_args(arguments)
    except SystemExit as stop:  # --help, or wrong usage
        return stop.code if isinstance(stop.code, int) else 2
    with EndOnSignal(), importing():
        from minidl.files.plugins import plugin_fault, plugin_place

        work = importlib.import_module(f"minidl.cli.{name}")
    try:
        with RaiseOnSignal():
            code: int = work.run(args)
        return code
    except MinidlError as err:
        if place := plugin_place(err):
            err = type(err)(f"{place}: {err}")
        say(*([f"minidl {verb}: {str(err).removeprefix(f'{verb}: ')}"] if len(err.lines) == 1 else err.lines))
        return err.exit_code
    except KeyboardInterrupt as err:
        say(f"minidl {verb}: interrupted")
        return 128 + int(getattr(err, "signal", signal.SIGINT))
    except BaseException as err:
        if fault := plugin_fault(err):
            say(f"minidl {verb}: {fault}")
            return fault.exit_code
        if isinstance(err, MemoryError):
            less = "a smaller model, batch or table needs less"
            say(f"minidl {verb}: not enough memory; {less} ({err or 'no details'}).")
            return 2
        if not isinstance(err, OSError):  # a fault of minidl's own
            raise
        say(f"minidl {verb}: {err.filename or 'a file'}: {err.strerror or err}")
        return StorageError.exit_code


def _overview() -> list[str]:
    verbs = "\n".join(f"  {name:<12} {text}" for name, text in VERBS.items())
    text = f"""usage: minidl VERB ...

Recurrent stacks on NumPy, assembled from YAML, compared honestly.

{verbs}

minidl VERB --help tells a verb's arguments. Start with: minidl train pm25_deep

{EXIT_CODES}"""
    return text.split("\n")
