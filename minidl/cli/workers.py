"""What runs many trainings, for the verbs that do: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from minidl.core.errors import ConfigError, DataError, StorageError
from minidl.core.output import say
from minidl.core.text import shell_word
from minidl.parallel.cluster import check_scheduler, dask_cluster
from minidl.parallel.executors import check_jobs, default_jobs, processes


def worker_arguments(args: argparse.Namespace) -> str:
    """These arguments of this command, for the next one that is suggested."""
    if args.scheduler:
        return f" --executor dask --scheduler {shell_word(args.scheduler)}"
    return "" if args.jobs is None else f" --jobs {args.jobs}"


def workers(args: argparse.Namespace) -> Callable[[], Any]:
    """What makes the executor that these arguments ask for.

    Raises
    ------
    ConfigError, StorageError
        They do not go together, or no scheduler answers.
    """
    if args.executor == "dask":
        if not args.scheduler:
            raise ConfigError("--executor dask needs --scheduler tcp://HOST:PORT, of a cluster that is running.")
        check_scheduler(args.scheduler)
        return functools.partial(dask_cluster, args.scheduler)
    if args.scheduler:
        raise ConfigError("--scheduler is for --executor dask.")
    jobs = default_jobs() if args.jobs is None else args.jobs
    check_jobs(jobs)
    return functools.partial(processes, jobs)


@contextmanager
def kept(what: str, resume: str, progress: Any) -> Iterator[None]:
    """Around trainings of which the finished ones are kept: says with which command one that was broken off goes on.

    Parameters
    ----------
    what : the trainings, as ``runs``.
    resume : the command.
    progress : closed in the end.
    """
    go_on = f"finished {what} are kept; go on with: {resume}"
    try:
        yield
    except KeyboardInterrupt:
        say(go_on)
        raise
    except (DataError, StorageError) as err:
        raise type(err)(f"{str(err).removesuffix('.')}; {go_on}") from err
    finally:
        progress.close()
