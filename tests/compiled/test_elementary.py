"""Elementary functions of compiled equations: within a few units in the last place, and vector instructions only."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from minidl.compiled.emit.elementary import OPERATIONS
from minidl.compiled.emit.programs import forward_program
from minidl.compiled.emit.single import SingleStep, single_step
from minidl.compiled.jit import jit
from minidl.layers.recurrent.tracing import ARGUMENTS

# In units in the last place, as measured, rounded up; the C library's own functions are not asked for more.
ONE_ARGUMENT = {
    "tanh": (np.tanh, 3.0),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), 3.0),
    "exp": (np.exp, 1.5),
    "expm1": (np.expm1, 5.0),
    "log": (np.log, 3.5),
    "log1p": (np.log1p, 5.0),
    "softplus": (lambda a: np.logaddexp(0, a), 5.0),
    "sqrt": (np.sqrt, 0.5),
    "square": (np.square, 0.5),
    "absolute": (np.abs, 0.0),
    "negative": (np.negative, 0.0),
    "sign": (np.sign, 0.0),
    "sin": (np.sin, 1.0),
    "cos": (np.cos, 1.0),
}
# Those that are computed in another order where one window is forecast.
EXPONENTIALS = ("exp", "expm1", "sigmoid", "tanh")
TWO_ARGUMENTS = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "maximum": np.maximum,
    "minimum": np.minimum, "greater": np.greater, "less": np.less, "power": np.power,
}  # fmt: skip


def numbers(dtype: str) -> np.ndarray:
    """Of every size and both signs, and what is special."""
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    sizes = np.exp(rng.uniform(np.log(float(info.tiny)), np.log(float(info.max)), 4000))
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, float(info.max), float(info.smallest_subnormal)]
    near = [rng.normal(size=4000) * size for size in (1e-3, 1.0, 10.0, 100.0, 700.0)]
    a = np.concatenate([sizes, -sizes, *near, special]).astype(dtype)
    return a[: len(a) // 16 * 16] if len(a) % 16 == 0 else np.concatenate([a, np.ones(16 - len(a) % 16, dtype)])


def computed(op: str, *arguments: np.ndarray) -> tuple[np.ndarray, str]:
    """The results of an operation in compiled code, and the machine code."""
    loads = [("load", array, 0) for array in range(len(arguments))]
    run = forward_program((*loads, (op, *range(len(loads))), ("store", 6, 0, len(loads))))
    function = jit(lambda a, b, c, out: run(a, b, c, a, a, a, out))
    arrays = [array.reshape(1, 1, -1) for array in (arguments * 3)[:3]]
    out = np.empty_like(arrays[0])
    function(*arrays, out)
    (machine,) = function.inspect_asm().values()
    return out.ravel(), machine


def computed_alone(op: str, a: np.ndarray) -> np.ndarray:
    """The same where one window is forecast."""
    run = single_step(SingleStep((("load", 1, 0), (op, 0), ("store", 4, 0, 1)), 0, (), (), True, False))
    weights, row = np.zeros((0, 0, a.size), a.dtype), a.reshape(1, -1)
    out = np.empty_like(row)
    jit(lambda a, W, x, out: run(a, a, a, a, out, a, a, a, a, W, x, 1))(row, weights, a, out)
    return out.ravel()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("op", "alone"), [*((op, False) for op in ONE_ARGUMENT), *((op, True) for op in EXPONENTIALS)])
def test_a_function_is_within_a_few_units_in_the_last_place(op: str, alone: bool, dtype: str) -> None:
    a = numbers(dtype)
    function, ulp = ONE_ARGUMENT[op]
    found = computed_alone(op, a) if alone else computed(op, a)[0]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        exact = function(a.astype(np.longdouble))
        expected = exact.astype(dtype)
        off = np.abs(found.astype(np.longdouble) - exact) / np.spacing(np.abs(expected)).astype(np.longdouble)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(found[~finite], expected[~finite])
    assert off[finite].max() <= ulp + 0.01, a[finite][off[finite].argmax()]


@pytest.mark.parametrize("op", TWO_ARGUMENTS)
def test_an_operation_is_that_of_numpy(op: str) -> None:
    rng = np.random.default_rng(1)
    a, b = numbers("float64"), rng.permutation(numbers("float64"))
    a[:100] = b[:100]
    found, _ = computed(op, a, b)
    with np.errstate(all="ignore"):
        expected = TWO_ARGUMENTS[op](a, b).astype(float)
    np.testing.assert_allclose(found, expected, rtol=0 if op != "power" else 1e-15)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0, 4.0, 2.5, -1.0])
def test_a_constant_power_is_that_of_numpy(exponent: float) -> None:
    run = forward_program((("load", 0, 0), ("power", 0, exponent), ("store", 1, 0, 1)))
    a = np.abs(np.random.default_rng(0).normal(size=(1, 1, 64)))
    out = np.empty_like(a)
    jit(lambda a, out: run(a, out, a, a, a, a, a))(a, out)
    np.testing.assert_allclose(out, a**exponent, rtol=1e-15)


def test_where_takes_any_number_but_0_for_true() -> None:
    c, a, b = np.array([0.0, 2.0, -1.0, np.nan] * 4), np.arange(16.0), -np.arange(16.0)
    np.testing.assert_array_equal(computed("where", c, a, b)[0], np.where(c, a, b))


def test_there_is_every_operation_that_equations_may_have() -> None:
    assert OPERATIONS.keys() == ARGUMENTS.keys()
    assert {*ONE_ARGUMENT, *TWO_ARGUMENTS, "where"} == OPERATIONS.keys()


@pytest.mark.parametrize("op", ["tanh", "sigmoid", "exp", "softplus"])
def test_all_instructions_work_on_vectors(op: str) -> None:
    _, machine = computed(op, numbers("float32"))
    assert re.search(r"\bv?mulps\b|\bfmul\s+v\d+\.4s", machine)
    arithmetic = r"\bv?(?:mul|add|sub|div|fn?m(?:add|sub)\d*)"
    packed, scalar = (len(re.findall(arithmetic + end, machine)) for end in (r"ps\b", r"ss\b"))
    assert scalar <= packed  # the units that are left over of a single lane go one by one, once
