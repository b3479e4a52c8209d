"""In how many threads matrix products run."""

from __future__ import annotations

from typing import Any

from threadpoolctl import threadpool_limits


def blas_threads(n: int) -> Any:
    """Context manager: matrix products run in `n` threads; small ones are far slower in two than in one."""
    return threadpool_limits(limits=n, user_api="blas")


def one_blas_thread() -> Any:
    """`blas_threads(1)`, the default for all that computes."""
    return blas_threads(1)
