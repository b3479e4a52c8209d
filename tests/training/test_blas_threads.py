"""How many threads matrix products run in.

Faults that this suite catches: a number that is set where it is so already, which begins threads anew after a fork.
"""

from __future__ import annotations

import pytest
from threadpoolctl import ThreadpoolController

from minidl.training.threads import blas_threads, one_blas_thread


def numbers() -> list[int]:
    return [library.num_threads for library in ThreadpoolController().select(user_api="blas").lib_controllers]


def test_the_number_is_set_within_and_then_what_it_was() -> None:
    before = numbers()
    with one_blas_thread():
        assert set(numbers()) <= {1}
        with blas_threads(2), one_blas_thread():
            assert set(numbers()) <= {1}
        assert set(numbers()) <= {1}
    assert numbers() == before


def test_nothing_is_set_where_it_is_so_already(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    with one_blas_thread():
        libraries = ThreadpoolController().select(user_api="blas").lib_controllers
        with monkeypatch.context() as patched:
            for library in libraries:
                patched.setattr(type(library), "set_num_threads", lambda self, n: calls.append(n))
            with one_blas_thread():
                pass
            assert calls == []
            with blas_threads(2):
                assert calls == [2] * len(libraries)
            assert calls == [2] * len(libraries) + [1] * len(libraries)
