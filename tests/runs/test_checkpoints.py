"""A checkpoint gives back what was saved, and refuses what is not the model's. Faulty disks: tests/reliability."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from minidl import Dense, LastStep, RecurrentLayer, Sequential
from minidl.core.errors import CorruptFileError
from minidl.runs.checkpoints import load_checkpoint, load_weights, save_checkpoint


def model(hidden_size: int = 3, dtype: str = "float64", seed: int = 1) -> Sequential:
    made = Sequential([RecurrentLayer(hidden_size), LastStep(), Dense(1)])
    made.build((4, 2), seed, dtype)
    return made


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_loaded_is_what_was_saved_to_the_bit(tmp_path: Path, dtype: str) -> None:
    params = model(dtype=dtype).params
    params["2.b"][0] = np.nextafter(params["2.b"].dtype.type(1), 2)
    save_checkpoint(tmp_path / "last", params, {"epoch": 7, "step": 70})
    weights, state = load_checkpoint(tmp_path / "last")
    assert weights.keys() == params.keys()
    for name, value in params.items():
        assert weights[name].dtype == value.dtype
        assert weights[name].tobytes() == value.tobytes()
    assert (state["epoch"], state["step"]) == (7, 70)


def test_arrays_that_are_views_in_another_order_are_saved_as_they_look(tmp_path: Path) -> None:
    W = np.arange(6.0).reshape(2, 3).T
    save_checkpoint(tmp_path / "last", {"W": W}, {})
    np.testing.assert_array_equal(load_checkpoint(tmp_path / "last")[0]["W"], W)


def test_a_new_checkpoint_replaces_the_old_one_and_nothing_else_is_left(tmp_path: Path) -> None:
    for epoch in (1, 2):
        save_checkpoint(tmp_path / "last", model(seed=epoch).params, {"epoch": epoch})
    weights, state = load_checkpoint(tmp_path / "last")
    assert state["epoch"] == 2
    assert weights["0.W_xh"].tobytes() == model(seed=2).params["0.W_xh"].tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_copy_under_another_name_is_read_and_one_under_the_name_of_another_kind_is_not(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "last", model().params, {"epoch": 1})
    for name in ("kept", "best"):
        shutil.copytree(tmp_path / "last", tmp_path / name)
    assert load_checkpoint(tmp_path / "kept")[1]["epoch"] == 1
    with pytest.raises(CorruptFileError, match="best: holds the checkpoint 'last', not 'best'"):
        load_checkpoint(tmp_path / "best")


def test_weights_are_copied_into_the_models_own_arrays() -> None:
    one, two = model(), model(seed=2)
    own = two.params["0.W_xh"]
    load_weights(two, one.params, Path("here"))
    assert two.params["0.W_xh"] is own
    np.testing.assert_array_equal(own, one.params["0.W_xh"])
    x = np.ones((1, 4, 2))
    np.testing.assert_array_equal(two(x), one(x))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (model(4), r"^here: 0\.W_xh is float64 \(2, 4\), the model's is float64 \(2, 3\)\.$"),
        (model(dtype="float32"), r"^here: 0\.W_xh is float32 \(2, 3\), the model's is float64 \(2, 3\)\.$"),
    ],
)
def test_weights_of_other_shapes_or_types_are_refused_and_nothing_is_copied(other: Sequential, message: str) -> None:
    mine = model()
    before = {name: value.copy() for name, value in mine.params.items()}
    with pytest.raises(CorruptFileError, match=message):
        load_weights(mine, other.params, Path("here"))
    for name, value in before.items():
        np.testing.assert_array_equal(mine.params[name], value)


def test_other_names_are_refused_with_the_difference() -> None:
    mine = model()
    weights = {name: value for name, value in mine.params.items() if name != "0.b_h"} | {"9.b": np.zeros(1)}
    with pytest.raises(CorruptFileError, match=r"its parameters are not the model's; the difference: 0\.b_h, 9\.b\.$"):
        load_weights(mine, weights, Path("here"))


@pytest.mark.parametrize("name", ["weights.safetensors", "state.json", "manifest.json"])
def test_a_missing_or_changed_file_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "last"
    save_checkpoint(folder, model().params, {"epoch": 1})
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 4
    (folder / name).write_bytes(content)
    with pytest.raises(CorruptFileError, match=name.replace(".", r"\.")):
        load_checkpoint(folder)
    (folder / name).unlink()
    with pytest.raises(CorruptFileError, match=name.replace(".", r"\.")):
        load_checkpoint(folder)


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match="best"):
        load_checkpoint(tmp_path / "best")
