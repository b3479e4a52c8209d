"""What a run was computed on: what is recorded, what of it can change a result, and what a file of it may hold."""

from __future__ import annotations

import json
import os
import platform
import sys
from typing import Any

import pytest
from numpy import __version__ as numpy_version

from minidl import CorruptFileError
from minidl.runs.environment import decode_environment, environment, environment_changes

BLAS = {"internal_api": "openblas", "version": "0.3", "architecture": "Haswell", "num_threads": 2}


def test_versions_machine_and_command_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["minidl", "tr\udcffain"])
    libraries = [
        # NumPy's own, as it has been called since version 2; scipy brings another one, in its own folder.
        {**BLAS, "user_api": "blas", "filepath": "/x/numpy.libs/libscipy_openblas64_-1.so", "prefix": "libopenblas"},
        {**BLAS, "user_api": "blas", "filepath": "/x/scipy/.dylibs/libscipy_openblas.dylib", "version": "0.1"},
        {**BLAS, "user_api": "blas", "filepath": "/x/scipy.libs/libopenblas.so", "version": "0.2"},
        {**BLAS, "user_api": "openmp", "filepath": "/x/libgomp.so", "version": "9"},
    ]
    monkeypatch.setattr("minidl.runs.environment.threadpool_info", lambda: libraries)
    found = environment((), 3)
    assert found["blas"] == [BLAS]
    assert (found["blas_threads_while_training"], found["cpus"]) == (3, os.cpu_count())
    assert (found["python"], found["numpy"]) == (platform.python_version(), numpy_version)
    assert (found["plugins"], found["command"]) == ([], ["minidl", "tr\\udcffain"])
    monkeypatch.setattr("minidl.runs.environment.find_spec", lambda name: None)
    assert environment(())["numba"] is None
    assert environment(())["blas_threads_while_training"] == 1


def test_what_can_change_a_result_is_one_line_each() -> None:
    then = {"minidl": "1", "python": "3.9", "numpy": "1", "platform": "old", "cpus": 1, "blas": [BLAS, "?"]}
    now = {**then, "python": "3.10", "platform": "new", "cpus": 8, "blas": [{**BLAS, "num_threads": 64}]}
    assert environment_changes(then, now) == ["python: 3.9 when the run was saved, 3.10 now"]
    other = {**BLAS, "architecture": "Zen"}
    assert environment_changes({"blas": [BLAS, other]}, {"blas": [other, BLAS]}) == []
    lines = environment_changes({"blas": [BLAS]}, {"blas": [other, BLAS]})
    both = "openblas 0.3 Haswell; openblas 0.3 Zen"
    assert lines == [f"blas: openblas 0.3 Haswell when the run was saved, {both} now"]


def test_long_values_are_compared_as_they_are_shown() -> None:
    assert environment_changes({"processor": "x" * 60}, {"processor": "x" * 61}) == []
    assert len(environment_changes({"processor": "x" * 59}, {"processor": "x" * 60})) == 1


def test_what_decides_about_compiled_code_counts_for_that_engine_alone() -> None:
    then, now = {"compiled_code": {"cpu": "a", "opt": 3}}, {"compiled_code": {"opt": 3, "fast": 1}}
    lines = ["cpu: a when the run was saved, not set now", "fast: not set when the run was saved, 1 now"]
    assert environment_changes(then, now) == lines
    assert environment_changes(then, now, ["numpy", "compiled"]) == lines
    assert environment_changes(then, now, ["numpy"]) == []
    assert environment_changes({}, now) == []  # an older run did not say
    assert environment_changes({"compiled_code": None}, {"compiled_code": None}) == []


@pytest.mark.parametrize(
    ("content", "right"),
    [
        ({"minidl": "1", "anything": [1]}, True),
        ({"plugins": ["own.py", {"path": "own.py", "sha256": "0"}]}, True),
        ({"plugins": 3}, False),
        ({"resumed": [{"plugins": []}]}, True),
        ({"resumed": {}}, False),
        ({"resumed": [{"plugins": [3]}]}, False),
        ([], False),
    ],
)
def test_a_file_of_another_shape_is_refused(content: Any, right: bool) -> None:
    data = json.dumps(content).encode()
    if right:
        assert decode_environment(data, "environment.json") == content
    else:
        with pytest.raises(CorruptFileError, match=r"^environment\.json"):
            decode_environment(data, "environment.json")


def test_a_library_that_was_not_recorded_is_said_to_be_unknown() -> None:
    assert environment_changes({"blas": []}, {"blas": [BLAS]}) == [
        "blas: not known when the run was saved, openblas 0.3 Haswell now"
    ]
