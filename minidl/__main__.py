"""``python -m minidl``: the same as the command ``minidl``."""

import gc
import sys

from minidl.cli import main


def run() -> int:
    """One command line in a process of its own; its exit code."""
    gc.freeze()  # of what is imported nothing is garbage; see `minidl.core.importing`
    code = main()
    gc.freeze()  # the process ends: what could be freed need not be looked for
    return code


if __name__ == "__main__":
    sys.exit(run())
