"""The single checks that `minidl.testing.check_layer` runs, one function each.

A check's docstring is the sentence by which it is reported.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from minidl.config import construct
from minidl.core.arguments import Configurable, argument_hints, describe
from minidl.core.layer import INFERENCE, Context, Layer
from minidl.core.walk import walk
from minidl.core.workspace import Workspace
from minidl.testing.cell_checks import own_backward_is_the_derived_one, written_backward_is_the_derived_one
from minidl.testing.central_differences import check_gradients
from minidl.testing.check_subject import BATCH, Result, Subject
from minidl.testing.container_checks import (
    bound_parameters,
    children_by_name,
    children_get_the_context,
    without_input_gradient,
)
from minidl.testing.fresh_process import NotFindableError, answer_if_asked, output_in_fresh_process
from minidl.testing.length_checks import padded_equals_alone, padding_changes_nothing
from minidl.testing.state_checks import gradients_through_states, halves_equal_the_whole


def _read_only_input(s: Subject) -> None:
    """read-only inputs are accepted"""
    x = s.x()
    x.flags.writeable = False
    y, cache = s.layer.forward(x)
    dy = np.ones_like(y)
    dy.flags.writeable = False
    s.layer.backward(dy, cache)


def _attributes_unchanged(s: Subject) -> None:
    """parameters and attributes stay as they are"""
    layers = [layer for _, layer in walk(s.layer)]
    befores = [(layer, dict(vars(layer)), _contents(layer)) for layer in layers]
    values = copy.deepcopy(s.layer.params)
    s.run(s.x())
    for layer, before, contents in befores:
        after = vars(layer)
        assert before.keys() == after.keys(), f"new attributes: {sorted(after.keys() - before.keys())}"
        for name, value in before.items():
            assert after[name] is value, f"self.{'params' if name == '_params' else name} was replaced"
        assert _contents(layer) == contents, "a list, dict or set on self was changed"
    for name, array in values.items():
        assert np.array_equal(array, s.layer.params[name]), f"params[{name!r}] was written to"


def _contents(layer: Layer) -> dict[str, list[int]]:
    """Identities of what is in every collection that the layer holds."""
    found = {name: value for name, value in vars(layer).items() if isinstance(value, (list, dict, set))}
    return {name: list(map(id, value.values() if isinstance(value, dict) else value)) for name, value in found.items()}


def _gradient_shapes(s: Subject) -> None:
    """gradients have the parameters' names, shapes and dtypes"""
    for dtype in ("float32", "float64"):
        t = Subject(s.layer, s.input_shape, dtype)
        x = t.x()
        y, cache = t.layer.forward(x)
        expected = tuple(n for n in t.output_shape if n is not None)
        assert y.shape[-len(expected) :] == expected, f"build promised {t.output_shape}, y.shape is {y.shape}"
        assert y.dtype == dtype, f"y is {y.dtype} for {dtype} input"
        dx, grads = t.layer.backward(np.ones_like(y), cache)
        assert dx is not None, "backward returned None for dx"
        assert (dx.shape, dx.dtype) == (x.shape, x.dtype), f"dx is {dx.shape} {dx.dtype}, x {x.shape} {x.dtype}"
        assert grads.keys() == t.layer.params.keys(), f"gradients {sorted(grads)}, parameters {sorted(t.layer.params)}"
        for name, value in t.layer.params.items():
            assert value.dtype == dtype, f"params[{name!r}] is {value.dtype}, built for {dtype}"
            got = grads[name]
            assert (got.shape, got.dtype) == (value.shape, value.dtype), f"d{name} is {got.shape} {got.dtype}"


def _central_differences(s: Subject) -> None:
    """gradients equal central differences"""
    check_gradients(s.layer, s.x())


def _central_differences_in_training(s: Subject) -> None:
    """gradients equal central differences while training, for the same random draws"""
    check_gradients(s.layer, s.x(), training=True)


def _repeated(s: Subject) -> None:
    """repeated and interleaved calls give the same bits"""
    first, second = s.run(s.x()), s.run(s.x(seed=4), seed=5)
    ya, cache_a = s.layer.forward(s.x())
    yb, cache_b = s.layer.forward(s.x(seed=4))
    dya = np.random.default_rng(3).normal(size=ya.shape).astype(s.dtype)
    dyb = np.random.default_rng(5).normal(size=yb.shape).astype(s.dtype)
    for _ in range(2):
        got_a = Result(ya, *s.layer.backward(dya, cache_a))
        assert not first.differing(got_a), f"another forward in between changed {first.differing(got_a)}"
        got_b = Result(yb, *s.layer.backward(dyb, cache_b))
        assert not second.differing(got_b), f"interleaved calls changed {second.differing(got_b)}"


def _second_backward(s: Subject) -> None:
    """a second backward leaves the arrays of the first as they are"""
    y, cache = s.layer.forward(s.x())
    dx, grads = s.layer.backward(np.ones_like(y), cache)
    kept = Result(y, dx, grads)
    s.layer.backward(2 * np.ones_like(y), cache)
    differing = kept.differing(Result(y, dx, grads))
    assert not differing, f"the second backward wrote to {differing} of the first"


def _threaded(s: Subject) -> None:
    """threads that share the layer give the same bits"""
    expected = [s.run(s.x(seed=i), seed=i) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for i, got in enumerate(pool.map(lambda i: s.run(s.x(seed=i), seed=i), range(8))):
                assert not expected[i].differing(got), f"threads changed {expected[i].differing(got)}"


def _output_is_safe(s: Subject) -> None:
    """writing to the output cannot spoil the gradient"""
    expected = s.run(s.x())
    y, cache = s.layer.forward(s.x())
    dy = np.random.default_rng(3).normal(size=y.shape).astype(s.dtype)
    kept = y.copy()
    if y.flags.writeable:
        y *= 0
    differing = expected.differing(Result(kept, *s.layer.backward(dy, cache)))
    assert not differing, f"y shares memory with the cache: y *= 0 changed {differing}; return read_only(y)"


def _workspace(s: Subject) -> None:
    """a lent workspace changes nothing, with two batch sizes in a row"""
    ctx = Context(workspace=Workspace())
    for batch in (BATCH, BATCH - 1, BATCH, BATCH + 2):
        for ctx_or_none in (ctx, INFERENCE):
            got = s.run(s.x(batch), ctx_or_none)
            differing = s.run(s.x(batch)).differing(got)
            assert not differing, f"batch {batch}: {differing} differ with a workspace"


def _rows(s: Subject) -> None:
    """a batch equals its rows one by one"""
    x = s.x()
    whole = s.layer(x)
    for i in range(len(x)):
        np.testing.assert_allclose(s.layer(x[i : i + 1])[0], whole[i], rtol=1e-10, atol=1e-12)


def _single(s: Subject) -> None:
    """one time step and one row are enough"""
    for x in (s.x(1), s.x(BATCH, 1), s.x(1, 1)):
        result = s.run(x)
        assert result.arrays["dx"].shape == x.shape, f"dx has shape {result.arrays['dx'].shape} for x {x.shape}"
        assert all(np.isfinite(value).all() for value in result.arrays.values()), "NaN or Inf"


def _non_contiguous(s: Subject) -> None:
    """non-contiguous input gives the same values"""
    x = s.x()
    expected = s.run(x).arrays
    strided = np.repeat(x, 2, axis=-1)[..., ::2]
    for view in (strided, np.asfortranarray(x)):
        for name, value in s.run(view).arrays.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-10, atol=1e-12, err_msg=name)


def _config_round_trip(s: Subject) -> None:
    """the layer is rebuilt from its config"""
    config = s.layer.to_config()
    assert config.keys() == argument_hints(type(s.layer)).keys(), f"to_config has {sorted(config)}"
    assert config == Configurable.to_config(s.layer), f"to_config is {config}, not the arguments"
    twin = construct(type(s.layer), config)
    assert describe(twin) == describe(s.layer), f"{describe(twin)} is not {describe(s.layer)}"


def _fresh_process(s: Subject) -> None:
    """saved, it loads in a fresh process and gives the same output"""
    if answer_if_asked(s.layer):
        raise NotFindableError("this is a fresh process itself")
    got = output_in_fresh_process(s.layer, s.input_shape, s.x())
    assert np.array_equal(got, s.layer(s.x())), "another output in a fresh process, which has what params hold"


CHECKS: tuple[Callable[[Subject], None], ...] = (
    _gradient_shapes,
    _central_differences,
    _central_differences_in_training,
    _read_only_input,
    _attributes_unchanged,
    _output_is_safe,
    _repeated,
    _second_backward,
    _threaded,
    _workspace,
    _rows,
    _single,
    _non_contiguous,
    halves_equal_the_whole,
    gradients_through_states,
    without_input_gradient,
    bound_parameters,
    children_by_name,
    children_get_the_context,
    padded_equals_alone,
    padding_changes_nothing,
    written_backward_is_the_derived_one,
    own_backward_is_the_derived_one,
    _config_round_trip,
    _fresh_process,
)
