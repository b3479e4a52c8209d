"""Rows 12, 13 and 14: NaN and Inf, wrong gradients, wrong forward."""

from __future__ import annotations

import inspect
import itertools
import random
import shutil
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minidl import Adam, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential, TanhActivation
from minidl.core.errors import DataError, NumericalError
from minidl.core.layer import Array
from minidl.data import Batch
from minidl.layers import activations, dense, sequence_ends
from minidl.layers.containers import container
from minidl.layers.recurrent.loop import RowRecurrence, SlabRecurrence
from minidl.randomness import Streams
from minidl.runs.checkpoints import read_checkpoint
from minidl.runs.saving import SaveCheckpoints
from minidl.testing.checks import check_gradients
from minidl.training import Arrays, Callback, Trainer, Training
from tests.reliability.harness import ROOT, Outcome, experiment_file, row, run_command
from tests.small import hourly_rows, hourly_table

PARAMETERS = ("0.W_xh", "0.W_hh", "0.b_h", "2.W", "2.b")


class Spoil(Callback):
    """Puts a bad number into a parameter after an epoch."""

    def __init__(self, epoch: int, name: str, value: float) -> None:
        self.epoch, self.name, self.value = epoch, name, value

    def on_epoch_end(self, trainer: Trainer, record: Any) -> None:
        if record.epoch == self.epoch:
            trainer.model.params[self.name].ravel()[-1] = self.value


@row(12, "NaN or Inf in data, weights, loss", full=200, sample=24)
def not_finite(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """A bad number in an input, a target, a parameter or a validation window, or by too long a step."""
    # Infinite validation inputs are left out: tanh makes finite outputs of them, and no table can hold them.
    cases = [case for case in itertools.product(PLACES, (np.nan, np.inf, -np.inf)) if case[0] != "validation"]
    cases.append(("validation", np.nan))
    for place, value in itertools.islice(itertools.cycle(cases), trials):
        outcome.check(*one_bad_number(place, value, rng))
    try:
        values = hourly_rows()
        values[3, 1] = np.nan
        type(hourly_table())(values, None, ("pm", "temp", "wind"), 0)
        outcome.check(False, "a table with NaN was accepted")
    except DataError as err:
        outcome.check("temp" in str(err), str(err))
    explosive = "optimizer={type: SGD, learning_rate: 1e9}", "dtype=float32", "training.checkpoint_every={steps: 1}"
    arguments = experiment_file(*explosive)
    code, text = run_command("train", *arguments, "--run-dir", "exploded")
    outcome.check(code == 5 and "Traceback" not in text and "epoch 1, step" in text, f"exit {code}: {text[-300:]}")


PLACES = ("input", "target", "validation", "learning rate", *PARAMETERS)


class Gathered:
    """A source that cannot be looked at as a whole."""

    def __init__(self, x: Array, y: Array) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, indices: Any) -> Batch:
        return Batch(self.x[indices], self.y[indices])


def one_bad_number(place: str, value: float, rng: random.Random) -> tuple[bool, str]:
    shutil.rmtree("checkpoints", ignore_errors=True)
    model = Sequential([RecurrentLayer(3), LastStep(), Dense(1)])
    model.build((5, 2), rng.randrange(1000), rng.choice(["float32", "float64"]))
    made = np.random.default_rng(rng.randrange(1000))
    x, y = made.normal(size=(40, 5, 2)), made.normal(size=(40, 1))
    validation = Arrays(x[:8].copy(), y[:8].copy())
    spoiled = rng.randrange(40)
    if place == "input":
        x[spoiled, 2, 1] = value
    elif place == "target":
        y[spoiled] = value
    elif place == "validation":
        validation.x[3] = value
    optimizer = Adam(0.001)
    trainer = Trainer(
        model,
        loss=HalfMSE(),
        optimizer=optimizer,
        settings=Training(epochs=5, batch_size=8, shuffle=False, checkpoint_every={"steps": 1}),
        streams=Streams.from_seed(0),
    )
    if place == "learning rate":
        optimizer.learning_rate = 1e300  # which neither a constructor nor a Trainer takes
    saving = SaveCheckpoints(Path("checkpoints"))
    epoch = rng.randrange(1, 4)
    try:
        with np.errstate(all="ignore"):
            spoil = [Spoil(epoch, place, value)] if place in PARAMETERS else []
            for sources in ((Arrays(x, y), validation), (Gathered(x, y), Gathered(validation.x, validation.y))):
                before = trainer.parameters.values.copy()
                try:
                    trainer.run(*sources, [saving, *spoil])
                except NumericalError:
                    # Arrays are looked at before anything happens; what can only be gathered in its step.
                    if place not in ("input", "target", "validation") or isinstance(sources[0], Gathered):
                        raise
                    if trainer.step or Path("checkpoints").exists() or (before != trainer.parameters.values).any():
                        return False, f"{place} {value}: met after the start"
    except NumericalError as err:
        text = str(err)
    else:
        return False, f"{place} {value}: not noticed"
    step = {"input": spoiled // 8, "target": spoiled // 8, "validation": 5, "learning rate": 0}.get(place, 5 * epoch)
    layer = {"0": "RecurrentLayer", "2": "Dense"}
    named = {"input": "inputs (x)", "target": "targets (y)", "validation": "validation", "learning rate": "epoch 1"}
    wanted = named.get(place) or f"parameter {place} ({layer[place[0]]})"
    last = Path("checkpoints", "last")
    saved = read_checkpoint(last if last.exists() else Path("checkpoints", "init"))
    finite = all(np.isfinite(array).all() for array in saved.weights.values())
    step += place == "learning rate" and trainer.step == 1  # in float64 the weights are huge first
    good = trainer.step == step and wanted in text and finite and saved.state["step"] == step
    return good, f"{place} {value}: step {trainer.step} (expected {step}), saved {saved.state['step']} {finite}: {text}"


# Faults in backward: where, what stands there, and what stands there instead.
Faulty = tuple[Any, str, str, str]
SLAB, ROWS_LAYOUT = SlabRecurrence, RowRecurrence
FAULTS: list[Faulty] = [
    (SLAB, "backward", 'grads["W_hh"][...] = dM[:, :H].T', 'grads["W_hh"][...] = -dM[:, :H].T'),
    (SLAB, "backward", 'grads["W_hh"][...] = dM[:, :H].T', 'grads["W_hh"][...] = dM[:, :H]'),
    (SLAB, "backward", 'grads["W_hh"][...] = dM[:, :H].T', 'grads["W_hh"][...] = 0'),
    (SLAB, "backward", 'grads["W_xh"][...] = dM[:, H : H + F].T', 'grads["W_xh"][...] = -dM[:, H : H + F].T'),
    (SLAB, "backward", 'grads["W_xh"][...] = dM[:, H : H + F].T', 'grads["W_xh"][...] = 2 * dM[:, H : H + F].T'),
    (SLAB, "backward", 'grads["W_xh"][...] = dM[:, H : H + F].T', 'grads["W_xh"][...] = dM[::-1, H : H + F].T'),
    (SLAB, "backward", 'grads["b_h"][...] = dM[:, H + F]', 'grads["b_h"][...] = -dM[:, H + F]'),
    (SLAB, "backward", 'grads["b_h"][...] = dM[:, H + F]', 'grads["b_h"][...] = dM[:, H]'),
    (SLAB, "backward", 'grads["b_h"][...] = dM[:, H + F]', 'grads["b_h"][...] = dM[:, H + F] / 2'),
    (SLAB, "backward", "N[:, :H] = self.M[:, :H].T", "N[:, :H] = self.M[:, :H]"),
    (SLAB, "backward", "N[:, :H] = self.M[:, :H].T", "N[:, :H] = 0"),
    (SLAB, "backward", "N[:, :H] = self.M[:, :H].T", "N[:, :H] = -self.M[:, :H].T"),
    (SLAB, "backward", "self.dy[...] = dy", "self.dy[...] = dy[:, ::-1]"),
    (SLAB, "backward", "self.dy[...] = dy", "self.dy[...] = dy[::-1]"),
    (SLAB, "backward", "self.dy[...] = dy", "self.dy[...] = 1.001 * dy"),
    (SLAB, "backward", "steps.slopes(self.h[1:], self.slope)", "steps.slopes(self.h[:-1], self.slope)"),
    (SLAB, "backward", "np.matmul(self.da, self.Z_T", "np.matmul(self.da[::-1], self.Z_T"),
    (SLAB, "backward", "self.W_xh[...] = self.M[:, H : H + F].T", "self.W_xh[...] = -self.M[:, H : H + F].T"),
    (
        SLAB,
        "backward",
        "np.matmul(self.W_xh, self.da, out=self.dx)",
        "np.matmul(self.W_xh, self.da[::-1], out=self.dx)",
    ),
    (
        SLAB,
        "backward",
        "np.add.reduce(self.dM_steps, 0, out=self.dM)",
        "np.add.reduce(self.dM_steps[1:], 0, out=self.dM)",
    ),
    (
        SLAB,
        "backward",
        "np.add.reduce(self.dM_steps, 0, out=self.dM)",
        "np.add.reduce(self.dM_steps[:-1], 0, out=self.dM)",
    ),
    (SLAB, "forward", "M[:, :H] = params", "M[:, :H] = 1.01 * params"),
    (ROWS_LAYOUT, "_run_back", "gate(dy[-1], caches[-1], da[-1])", "gate(dy[0], caches[-1], da[-1])"),
    (ROWS_LAYOUT, "_run_back", "gate(dy[-1], caches[-1], da[-1])", "gate(-dy[-1], caches[-1], da[-1])"),
    (ROWS_LAYOUT, "_run_back", "dot(da[t + 1], self.W_hh_T, dh)", "dot(da[t + 1], self.W_hh_T.T, dh)"),
    (ROWS_LAYOUT, "_run_back", "dot(da[t + 1], self.W_hh_T, dh)", "dot(da[-1], self.W_hh_T, dh)"),
    (ROWS_LAYOUT, "_run_back", "dot(da[t + 1], self.W_hh_T, dh)", "dh[...] = 0"),
    (ROWS_LAYOUT, "_run_back", "add(dh, dy[t], dh)", "add(dh, dy[t + 1], dh)"),
    (ROWS_LAYOUT, "_run_back", "add(dh, dy[t], dh)", "pass"),
    (ROWS_LAYOUT, "_run_back", "add(dh, dy[t], dh)", "np.subtract(dh, dy[t], dh)"),
    (ROWS_LAYOUT, "_run_back", "gate(dh, caches[t], da[t])", "da[t] = dh"),
    (ROWS_LAYOUT, "_run_back", "range(len(da) - 2, -1, -1)", "range(len(da) - 2, 0, -1)"),
    (ROWS_LAYOUT, "backward", "dot(h[:-1].reshape(-1, H).T", "dot(h[1:].reshape(-1, H).T"),
    (ROWS_LAYOUT, "backward", 'dot(self.x.T, rows, out=grads["W_xh"])', 'dot(-self.x.T, rows, out=grads["W_xh"])'),
    (ROWS_LAYOUT, "backward", "np.add.reduce(rows, 0", "np.add.reduce(rows[1:], 0"),
    (ROWS_LAYOUT, "backward", "dot(rows, self.W_xh.T, out=self.dx)", "dot(-rows, self.W_xh.T, out=self.dx)"),
    (ROWS_LAYOUT, "backward", "steps.slopes(h[1:], da)", "steps.slopes(h[:-1], da)"),
    (activations.TanhActivation, "slope", "np.square(y, out=out)", "np.copyto(out, y)"),
    (activations.TanhActivation, "slope", "np.subtract(1, out, out=out)", "np.subtract(1.0001, out, out=out)"),
    (
        activations.SigmoidActivation,
        "slope",
        "np.multiply(np.subtract(1, y), y, out=out)",
        "np.subtract(1, y, out=out)",
    ),
    (activations.SigmoidActivation, "slope", "np.subtract(1, y)", "np.subtract(0.5, y)"),
    (activations.ReluActivation, "slope", "np.greater(y, 0", "np.less_equal(y, 0"),
    (activations.IdentityActivation, "slope", "out.fill(1)", "out.fill(0)"),
    (activations.Activation, "backward", "np.multiply(dx, dy, out=dx)", "np.multiply(dx, dx, out=dx)"),
    (dense.Dense, "backward", "np.dot(rows.T, dy", "np.dot(-rows.T, dy"),
    (dense.Dense, "backward", "np.add.reduce(dy, 0", "np.add.reduce(dy[1:], 0"),
    (dense.Dense, "backward", "dx = np.dot(dy, W.T", "dx = np.dot(-dy, W.T"),
    (dense.Dense, "backward", "dx = np.dot(dy, W.T", "dx = np.dot(1.00001 * dy, W.T"),
    (sequence_ends.LastStep, "backward", "dx[:, -1] = dy", "dx[:, 0] = dy"),
    (sequence_ends.LastStep, "backward", "dx[:, -1] = dy", "dx[:] = dy[:, None]"),
    (container.Container, "summed_gradients", "np.add(grads[full], value", "np.subtract(grads[full], value"),
    (container.Container, "summed_gradients", "if full in grads:", "if False:"),
]


def subjects() -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    """Layers and input shapes (without the batch) on which the planted faults must show."""
    sys.path.insert(0, str(ROOT / "tests"))
    from tests.layers.test_layer_contract import CASES

    for name, (layer, shape) in CASES.items():
        yield name, layer, tuple(5 if n is None else n for n in shape)
    shared = RecurrentLayer(2)
    yield "a layer that stands twice", Sequential([shared, TanhActivation(), shared]), (4, 2)


def gradient_error(layer: Any, shape: tuple[int, ...]) -> str | None:
    """What central differences say against a layer in float64."""
    layer.build(shape, np.random.default_rng(1), np.dtype("float64"))
    x = np.random.default_rng(2).normal(size=(3, *shape))
    try:
        with np.errstate(all="ignore"):
            errors = check_gradients(layer, x)
    except (AssertionError, ValueError, IndexError) as err:
        return str(err) or type(err).__name__
    return None if max(errors.values()) < 1e-6 else str(errors)


def planted(place: Any, method: str, old: str, new: str) -> Callable[[], None]:
    """Put a fault into a method; return what takes it out again."""
    whole = place.__dict__[method]
    source = textwrap.dedent(inspect.getsource(whole))
    assert old in source, f"{place.__name__}.{method} has no {old!r} any more"
    space = dict(vars(sys.modules[place.__module__]))
    exec(compile(source.replace(old, new), f"<{new}>", "exec"), space)
    setattr(place, method, space[method])
    return lambda: setattr(place, method, whole)


@row(13, "wrong gradient", full=1, sample=1)
def wrong_gradients(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """All layers against central differences; then each planted fault must show on one of them."""
    layers = list(subjects())
    for name, layer, shape in layers:
        error = gradient_error(layer, shape)
        outcome.check(error is None, f"{name}: {error}")
    for place, method, old, new in FAULTS:
        remove = planted(place, method, old, new)
        try:
            caught = any(gradient_error(layer, shape) is not None for _, layer, shape in layers)
        finally:
            remove()
        outcome.check(caught, f"not noticed: {place.__name__}.{method}: {new}")
    outcome.note = f"{len(layers)} layers, {len(FAULTS)} planted faults"


@row(14, "wrong forward", full=300, sample=40)
def wrong_forward(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """ONNX's node cases, then its runtime on random weights, shapes, activations and start states."""
    try:
        node_cases(outcome)
        for _ in range(trials):
            outcome.check(*against_runtime(rng))
    except ImportError as err:
        outcome.note = f"left out: {err}"


def node_cases(outcome: Outcome) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx import numpy_helper
        from onnx.backend.test.case import node
        from onnx.backend.test.case.node import rnn as rnn  # its import lists the cases

        cases = [case for case in node._NodeTestCases if case.name in NODE_CASES]
    for case in cases:
        inputs, outputs = case.data_sets[0]
        arrays = [a if isinstance(a, np.ndarray) else numpy_helper.to_array(a) for a in (*inputs, *outputs)]
        got = elman(arrays[0], *arrays[1 : len(inputs)])
        outcome.check(np.allclose(got, arrays[-1][0], rtol=1e-5), f"{case.name}: {got} is not {arrays[-1]}")
    outcome.check(len(cases) == len(NODE_CASES), f"only {len(cases)} node cases")


NODE_CASES = ("test_simple_rnn_defaults", "test_simple_rnn_with_initial_bias")


def elman(x: Any, W: Any, R: Any, B: Any = None, *_: Any) -> Any:
    """h_T of RecurrentLayer for ONNX's (time, batch, features) input and weights."""
    layer = RecurrentLayer(R.shape[1], bias=B is not None)
    layer.build((None, x.shape[2]), np.random.default_rng(0), x.dtype)
    layer.params["W_xh"][...], layer.params["W_hh"][...] = W[0].T, R[0].T
    if B is not None:
        layer.params["b_h"][...] = B[0, : R.shape[1]] + B[0, R.shape[1] :]
    return layer(x.transpose(1, 0, 2))[:, -1]


def against_runtime(rng: random.Random) -> tuple[bool, str]:
    """One random RNN node, computed by onnxruntime and by RecurrentLayer."""
    import onnxruntime
    from onnx import TensorProto, helper

    activation = rng.choice(["Tanh", "Sigmoid", "Relu"])
    T, N, F, H = rng.randint(1, 12), rng.randint(1, 9), rng.randint(1, 7), rng.choice([1, 2, 5, 31, 32, 40])
    bias = rng.random() < 0.5
    made = np.random.default_rng(rng.randrange(10**6))
    shapes: dict[str, tuple[int, ...]] = {"X": (T, N, F), "W": (1, H, F), "R": (1, H, H)}
    shapes |= {"B": (1, 2 * H), "h": (1, N, H)}
    feed = {name: made.normal(0, 0.6, shape).astype("float32") for name, shape in shapes.items()}
    feed["R"] /= np.sqrt(np.float32(H))  # else rounding errors grow from step to step
    if not bias:
        del feed["B"]
    inputs = ["X", "W", "R", "B" if bias else "", "", "h"]
    node = helper.make_node("RNN", inputs, ["Y"], hidden_size=H, activations=[activation])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, a.shape) for name, a in feed.items()]
    graph = helper.make_graph(
        [node], "g", values, [helper.make_tensor_value_info("Y", TensorProto.FLOAT, (T, 1, N, H))]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)[0][:, 0]
    layer = RecurrentLayer(H, activation=getattr(activations, f"{activation}Activation")(), bias=bias)
    layer.build((None, F), made, "float32")
    layer.params["W_xh"][...], layer.params["W_hh"][...] = feed["W"][0].T, feed["R"][0].T
    if bias:
        layer.params["b_h"][...] = feed["B"][0, :H] + feed["B"][0, H:]
    from minidl import Context

    got = layer.forward(feed["X"].transpose(1, 0, 2), Context(state=feed["h"][0]))[0].transpose(1, 0, 2)
    error = float(np.abs(got - expected).max() / max(1.0, np.abs(expected).max()))
    return error < 1e-5, f"{activation} T={T} N={N} F={F} H={H} bias={bias}: {error:.1e}"
