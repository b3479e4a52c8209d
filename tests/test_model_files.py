"""A model in one file: the same bytes come out again, and any other file is refused in one line."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import minidl
from minidl import (
    INFERENCE,
    ConfigError,
    CorruptFileError,
    Dense,
    GRULayer,
    HalfMSE,
    LastStep,
    Layer,
    MinidlError,
    RecurrentLayer,
    Sequential,
    StorageError,
    fit,
    load,
    register,
)
from minidl.model_files import FORMAT, KEY

X = np.random.default_rng(0).normal(size=(4, 5, 2))


def a_model(dtype: str = "float32") -> Sequential:
    model = Sequential([GRULayer(3), RecurrentLayer(2), LastStep(), Dense(1)])
    model.build((None, 2), 0, dtype)
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    a_model().save(path)
    return path


def rewritten(path: Path, **other: Any) -> None:
    """Change entries of what stands beside the weights, as somebody who knows the digest's rule would not."""
    content = path.read_bytes()
    with safetensors.safe_open(path, "numpy") as file:
        about = json.loads(file.metadata()[KEY])
    arrays = safetensors.numpy.load(content)
    path.write_bytes(safetensors.numpy.save(arrays, {KEY: json.dumps({**about, **other}, sort_keys=True)}))


def refused(path: Path, kind: type[MinidlError] = CorruptFileError) -> str:
    """The error's text, which is about this file and nothing but one of ours."""
    with pytest.raises(MinidlError) as caught:
        load(path)
    assert type(caught.value) is kind
    assert all(line.startswith(f"{path}: ") for line in caught.value.lines)
    return str(caught.value).replace(f"{path}: ", "")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_trained_model_predicts_the_same_bytes_and_trains_on(tmp_path: Path, dtype: str) -> None:
    model, y = a_model(dtype), X[:, -1, :1]
    parts: dict[str, Any] = {"loss": HalfMSE(), "epochs": 2}
    fit(model, X, y, optimizer=minidl.Adam(0.01), **parts)
    model.save(str(tmp_path / "a"))
    twin = load(tmp_path / "a")
    assert isinstance(twin, Sequential)
    assert twin.dtype == dtype
    assert twin(X).tobytes() == model(X).tobytes()
    for each in (model, twin):
        fit(each, X, y, optimizer=minidl.SGD(0.1), engine="numpy", **parts)
    assert twin(X).tobytes() == model(X).tobytes()
    twin.params["3.b"][...] = 7.0  # its own memory
    twin.params["3.W"] = np.zeros((2, 1))
    assert (twin(X) == 7.0).all()


def test_a_model_is_loaded_in_a_new_process_and_the_same_model_is_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np, minidl\n"
        "model = minidl.load(sys.argv[1])\n"
        "model.save(sys.argv[1] + '-again')\n"
        "sys.stdout.buffer.write(model(np.random.default_rng(0).normal(size=(4, 5, 2))).tobytes())"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(minidl.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code, str(saved)], capture_output=True, check=True, env=env)
    assert done.stdout == a_model()(X).tobytes()
    assert Path(f"{saved}-again").read_bytes() == saved.read_bytes()


def test_safetensors_opens_the_file_and_finds_every_array(saved: Path) -> None:
    with safetensors.safe_open(saved, "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, value in a_model().params.items():
        np.testing.assert_array_equal(arrays.pop(name), value)
    assert arrays == {}


def test_parts_of_a_model_and_replaced_files(saved: Path) -> None:
    part = a_model()[:2]
    part.save(saved)
    np.testing.assert_array_equal(load(saved)(X), part(X))
    assert os.listdir(saved.parent) == [saved.name]


def test_what_was_not_built_or_has_no_config_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with pytest.raises(ConfigError, match=r"^Sequential: it was not built yet; call build\(input_shape, rng\) first\."):
        Sequential([Dense(1)]).save(path)
    twice = RecurrentLayer(2)
    model = Sequential([twice, twice])
    model.build((3, 2), 0)
    with pytest.raises(ConfigError, match="a layer stands in it twice"):
        model.save(path)
    broken = a_model()
    with pytest.raises(minidl.ShapeError):
        broken.build((3,), 0)
    with pytest.raises(ConfigError, match="not built"):
        broken.save(path)
    assert not path.exists()


@dataclass(eq=False, repr=False)
class Halved(Layer):
    """y = x / 2; not registered."""

    def forward(self, x: Any, ctx: Any = INFERENCE) -> Any:
        return x / 2, None

    def backward(self, dy: Any, cache: Any) -> Any:
        return dy / 2, {}


def test_a_layer_of_ones_own_must_be_registered_where_it_is_saved_and_where_it_is_loaded(tmp_path: Path) -> None:
    model, path = Sequential([Halved(), Dense(1)]), tmp_path / "a"
    model.build((2,), 0)
    with pytest.raises(ConfigError, match="unknown layer 'Halved'") as caught:
        model.save(path)
    assert "must be registered first: import its module, with @register above it" in str(caught.value)
    assert not path.exists()
    register(Halved)
    model.save(path)
    assert load(path)(X[:, 0]).tobytes() == model(X[:, 0]).tobytes()
    minidl.core.registry._KINDS[Layer][1].pop("Halved")
    text = refused(path, ConfigError)
    assert text.startswith("layers.0.type: unknown layer 'Halved'")
    assert text.endswith("of your own must be registered first: import its module, with @register above it.")


def test_what_is_no_question_of_registering_is_told_without_it(tmp_path: Path) -> None:
    model: Any = Dense(1)
    for _ in range(51):
        model = Sequential([model])
    model.build((2,), 0)
    with pytest.raises(ConfigError, match=r": nested deeper than 50 levels, counting included files$") as caught:
        model.save(tmp_path / "deep")
    assert len(caught.value.lines) == 1


def test_no_flipped_bit_and_no_missing_end_goes_unnoticed(saved: Path) -> None:
    content, rng = saved.read_bytes(), np.random.default_rng(1)
    for place in {*range(0, len(content), 7), *range(16)}:
        bad = bytearray(content)
        bad[place] ^= 1 << int(rng.integers(8))
        saved.write_bytes(bad)
        with pytest.raises((CorruptFileError, StorageError)):
            load(saved)
    for n in (0, 1, 8, 9, 100, len(content) - 1):
        saved.write_bytes(content[:n])
        refused(saved)
    saved.write_bytes(content + b"\0")
    refused(saved)


def test_files_of_others_are_refused(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert refused(other).startswith("not a safetensors file, or cut short: the header claims")
    other.write_bytes(pickle.dumps(a_model()))
    assert "not a safetensors file" in refused(other)
    safetensors.numpy.save_file({"a": np.zeros(2, "float32")}, other)
    assert refused(other) == "holds arrays, but no model: model.save(path) did not write it."
    safetensors.numpy.save_file({"a": np.zeros(2, "float32")}, other, {KEY: "[]"})
    assert refused(other).startswith("damaged: Expected `object`")
    with pytest.raises(StorageError, match="no such file"):
        load(tmp_path / "nowhere")
    with pytest.raises(StorageError, match="is a folder; the file of a model was expected"):
        load(tmp_path)
    with pytest.raises(StorageError, match="cannot write: No such file or directory"):
        a_model().save(tmp_path / "nowhere" / "a")
    with pytest.raises(StorageError, match="cannot write: Is a directory"):
        a_model().save(tmp_path)


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        (None, ConfigError, "the file of a model: expected a path, got NoneType."),
        (3, ConfigError, "the file of a model: expected a path, got int."),
        ("", StorageError, ".: is no name of a file."),
        ("a\0b", StorageError, "a\\x00b: is no name of a file."),
    ],
)
def test_what_is_no_path_of_a_file_is_refused(path: Any, kind: type[MinidlError], message: str) -> None:
    for call in (a_model().save, load):
        with pytest.raises(kind) as caught:
            call(path)
        assert str(caught.value) == message


def test_a_later_format_and_a_changed_config_are_refused(saved: Path) -> None:
    rewritten(saved, format=FORMAT + 1)
    assert refused(saved) == f"format {FORMAT + 1}; this version of minidl reads format {FORMAT}."
    rewritten(saved, format=FORMAT, input_shape=[None, 3])
    assert refused(saved) == "damaged (its digest is not that of its content)."
    rewritten(saved, input_shape=[None, 0])
    assert refused(saved).startswith("damaged: ")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"model": {"type": "Dense", "output_size": 1}}, "expected a Container"),
        ({"model": {"type": "Sequential", "layers": [{"type": "os.system"}]}}, "unknown layer 'os.system'"),
        ({"model": {"type": "Sequential", "layers": []}}, "expected at least one layer"),
        ({"model": {"type": "Sequential", "layers": [{"type": "Dense", "output_size": 1}]}}, "the model's"),
        ({"input_shape": []}, "its model cannot be built: Sequential: expected an input shape"),
        ({"input_shape": [2]}, "its model cannot be built: GRULayer: expected"),
    ],
)
def test_a_file_that_somebody_made_on_purpose_runs_nothing_and_is_refused(
    saved: Path, other: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minidl.model_files._digest", lambda *_: "")  # as its maker would have computed it
    rewritten(saved, digest="", **other)
    with pytest.raises(MinidlError) as caught:
        load(saved)
    assert message in str(caught.value)


def test_a_config_nested_without_end_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.model_files._digest", lambda *_: "")
    model: dict[str, Any] = {}
    for _ in range(300):
        model = {"type": "Residual", "layer": model}
    rewritten(saved, digest="", model=model)
    with pytest.raises(MinidlError, match="nested"):
        load(saved)
