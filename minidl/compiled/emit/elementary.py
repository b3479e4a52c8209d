"""Elementary functions of numbers: one vector instruction after the other, no branch.

Exponentials are e^r = 1 + r + r² p(r) times a power of two, |r| ≤ ½ ln 2; logarithms are 2 artanh s
of s = (m - 1) / (m + 1), m between √½ and √2, plus a multiple of ln 2. tanh and the logistic
function are made of one exponential each: exactly ±1 (and 0) where units are saturated. sin, cos and
general powers are those of the C library, one lane after the other. Errors are in
tests/compiled/test_elementary.py and tests/layers/test_elementwise.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from minidl.compiled.emit.numbers import Number

LOG2_E, LN2 = 1.4426950408889634, 0.6931471805599453
# By whether numbers are single: bits after the point, largest exponent, ln 2 in two parts (the first has so few
# bits that its products with small integers are exact), and where exp is 0 and infinite.
MANTISSA = {True: 23, False: 52}
BIAS = {True: 127, False: 1023}
LN2_PARTS = {True: (0.693145751953125, 1.4286068203094172e-06), False: (0.6931471803691238, 1.9082149292705877e-10)}
EXP_RANGE = {True: (-104.0, 89.0), False: (-746.0, 710.0)}
# p(r): the series of exp, for float32 the polynomial of degree 4 with the smallest largest error.
SERIES = {
    True: (0.001394132313938549, 0.008363294951247241, 0.041666372907963704, 0.1666657628567957, 0.5),
    False: tuple(1 / math.factorial(k) for k in range(13, 1, -1)),
}
# artanh s = s (1 + s²/3 + s⁴/5 + ...)
ATANH_TERMS = {True: 6, False: 12}


def _polynomial(x: Number, coefficients: tuple[float, ...]) -> Number:
    total: Number = x.constant(coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def _below_exp(r: Number) -> Number:
    """eʳ - 1 = r + r² p(r), |r| ≤ ½ ln 2.

    Where one instruction waits for the one before, neighbouring terms are added first, then
    neighbouring sums: a few more instructions, but few one after the other (Estrin's scheme).
    """
    coefficients = SERIES[r.single]
    if not r.emitter.waits:
        return r + r * (r * _polynomial(r, coefficients))
    rising = [r.constant(c) for c in reversed(coefficients)]
    sums, power = [r, *_added(rising, r)], r * r
    while len(sums) > 1:
        sums, power = _added(sums, power), power * power
    return sums[0]


def _added(terms: list[Number], x: Number) -> list[Number]:
    """Each two neighbours a, b as a + b x."""
    pairs = itertools.zip_longest(terms[::2], terms[1::2])
    return [a if b is None else b * x + a for a, b in pairs]


def _rounded(x: Number) -> tuple[Number, Number]:
    """x in units of ln 2, rounded to whole numbers, and those as integers."""
    shift = 1.5 * 2.0 ** MANTISSA[x.single]  # adding it rounds, and the integer stands in its lowest bits
    shifted = x * LOG2_E + shift
    return shifted - shift, shifted.bits().minus(x.constant(shift).bits())


def _power_of_two(n: Number) -> Number:
    """2ⁿ of whole numbers n."""
    return n.plus(n.whole(BIAS[n.single])).shifted(MANTISSA[n.single]).from_bits()


def _remainder(x: Number, n: Number) -> Number:
    high, low = LN2_PARTS[x.single]
    return x - n * high - n * low


def _near_one(r: Number) -> Number:
    """eʳ, |r| ≤ ½ ln 2."""
    return _below_exp(r) + 1.0


def _limited(x: Number, lowest: float, highest: float) -> Number:
    x = (x < lowest).choose(lowest, x)  # comparisons with NaN are false, so NaN stays
    return (x > highest).choose(highest, x)


def exp(x: Number) -> Number:
    """eˣ; 2ⁿ in two factors, for it may lie outside the normal numbers."""
    x = _limited(x, *EXP_RANGE[x.single])
    n, whole = _rounded(x)
    half = whole.shifted(-1)
    return _near_one(_remainder(x, n)) * _power_of_two(half) * _power_of_two(whole.minus(half))


def tanh(x: Number) -> Number:
    """e / (e + 2) with e = exp(2x) - 1 = 2ⁿ (exp(r) - 1) + (2ⁿ - 1)."""
    y = x + x
    limit, beyond = (20.0, 20.0) if x.single else (37.98, 40.0)  # from there on the quotient is 1
    y = (y > limit).choose(beyond, y)
    y = (y < -beyond).choose(-beyond, y)
    n, whole = _rounded(y)
    r = y - n * LN2 if x.single else _remainder(y, n)
    power, below = _power_of_two(whole), _below_exp(r)
    e = power * below + (power - 1.0)
    return e / (below.called("fma", power, power + 1.0) if x.emitter.waits else e + 2.0)


def sigmoid(x: Number) -> Number:
    """2ᵏ / (2ᵏ + 2ᵏ⁻ⁿ e⁻ʳ), x = n ln 2 + r: with k = n / 2, rounded, all powers are normal numbers."""
    most = -EXP_RANGE[x.single][0]
    x = _limited(x, -most, most)
    n, whole = _rounded(x)
    half = whole.shifted(-1)
    power, other = _power_of_two(half), _power_of_two(half.minus(whole))
    below = _below_exp(-_remainder(x, n))
    return power / (below * other + (power + other) if x.emitter.waits else power + (below + 1.0) * other)


def expm1(x: Number) -> Number:
    """eˣ - 1; near 0 by the series alone."""
    near = x + x * (x * _polynomial(x, SERIES[x.single]))
    return (absolute(x) < 0.5 * LN2).choose(near, exp(x) - 1.0)


def log(x: Number) -> Number:
    """ln x = n ln 2 + 2 artanh((m - 1) / (m + 1)), x = 2ⁿ m."""
    mantissa, bias = MANTISSA[x.single], BIAS[x.single]
    tiny = x < 2.0 ** (1 - bias)
    scaled = tiny.choose(x * 2.0**mantissa, x)
    # Seen from √½, exponents are those of m between √½ and √2.
    root = x.constant(math.sqrt(0.5)).bits()
    above = scaled.bits().minus(root)
    n = above.shifted(-mantissa).as_float() - tiny.choose(x.constant(float(mantissa)), 0.0)
    m = above.masked((1 << mantissa) - 1).plus(root).from_bits()
    s = (m - 1.0) / (m + 1.0)
    terms = tuple(2 / (2 * k + 1) for k in range(ATANH_TERMS[x.single] - 1, -1, -1))
    high, low = LN2_PARTS[x.single]
    value = n * high + (s * _polynomial(s * s, terms) + n * low)
    value = x.equals(0.0).choose(-math.inf, value)
    value = x.equals(math.inf).choose(math.inf, value)
    return (x < 0.0).choose(math.nan, x.is_nan().choose(x, value))


def log1p(x: Number) -> Number:
    """ln(1 + x) = ln u · x / (u - 1), u = 1 + x rounded, whose error the quotient makes good."""
    u = x + 1.0
    done = u - 1.0
    value = log(u) * (x / done)
    value = done.equals(0.0).choose(x, value)
    return u.equals(math.inf).choose(math.inf, value)


def softplus(x: Number) -> Number:
    """log(1 + eˣ)."""
    return maximum(x, x.constant(0.0)) + log1p(exp(-absolute(x)))


def absolute(x: Number) -> Number:
    """|x|."""
    return x.called("fabs")


def maximum(a: Number, b: Number) -> Number:
    """The larger one; NaN if one is."""
    return a.is_nan().choose(a, (a > b).choose(a, b))


def minimum(a: Number, b: Number) -> Number:
    """The smaller one; NaN if one is."""
    return a.is_nan().choose(a, (a < b).choose(a, b))


def sign(x: Number) -> Number:
    """1, 0 or -1; NaN of NaN."""
    return (x > 0.0).choose(1.0, (x < 0.0).choose(-1.0, x))


def power(a: Number, b: Number) -> Number:
    """aᵇ."""
    square = a * a
    small = {1.0: a, 2.0: square, 3.0: square * a, 4.0: square * square}
    return small[b.known] if b.known in small else a.called("pow", b)


def truth(condition: Number) -> Number:
    """1 where it holds, else 0."""
    return condition.choose(condition.constant(1.0), 0.0)


# By the name of an operation; see `minidl.layers.recurrent.tracing`.
OPERATIONS: dict[str, Callable[..., Number]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "greater": lambda a, b: truth(a > b),
    "less": lambda a, b: truth(a < b),
    "negative": lambda a: -a,
    "square": lambda a: a * a,
    "sqrt": lambda a: a.called("sqrt"),
    "sin": lambda a: a.called("sin"),
    "cos": lambda a: a.called("cos"),
    **{f.__name__: f for f in (exp, expm1, log, log1p, tanh, sigmoid, softplus)},
    **{f.__name__: f for f in (absolute, maximum, minimum, sign, power)},
    "where": lambda condition, a, b: condition.is_not_zero().choose(a, b),
}
