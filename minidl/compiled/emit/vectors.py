"""Vector instructions: the words that the products are written in.

numba has no vector type, and whether LLVM makes vector instructions of a loop is
a matter of luck. Here they are written down. A tile is a small table of vectors
that stay in registers while a product runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic

_FEATURES = llvmlite.binding.get_host_cpu_features()
_AVX512 = bool(_FEATURES.get("avx512f"))
VECTOR_BYTES = 64 if _AVX512 else 32 if _FEATURES.get("avx2") else 16
NARROW_BYTES = 16
# A tile of ROWS times the most VECTORS leaves some registers for its operands; half a batch is as wide as half of them.
ROWS = 4
VECTORS = (4, 2, 1) if _AVX512 else (2, 1)
# One of ROWS times COLUMNS has its operands in vectors too.
COLUMNS = 4 if _AVX512 else 3

_INDEX = ir.IntType(64)

# Decorator: a function that numba calls to have instructions written in place of a call.
intrinsic: Callable[[Callable[..., Any]], Any] = numba_intrinsic


class Emitter:
    """Writes instructions for numbers of one type into the function that is being compiled.

    `waits`: there is so little to do at a time that instructions wait for each other.
    """

    def __init__(
        self, context: Any, builder: Any, dtype: Any, vector_bytes: int = VECTOR_BYTES, *, waits: bool = False
    ) -> None:
        self.waits = waits
        self.context: Any = context
        self.builder: Any = builder
        self.dtype: Any = dtype
        self.itemsize: int = dtype.bitwidth // 8
        self.width: int = vector_bytes // self.itemsize
        self.number: Any = context.get_value_type(dtype)
        self.vector: Any = ir.VectorType(self.number, self.width)

    def constant(self, number: float) -> Any:
        """This number in every lane."""
        return ir.Constant(self.vector, [self.number(number)] * self.width)

    @property
    def whole(self) -> Any:
        """The type of as many whole numbers, of the size of this one's."""
        return ir.VectorType(ir.IntType(8 * self.itemsize), self.width)

    def whole_constant(self, number: int) -> Any:
        """This whole number in every lane."""
        return ir.Constant(self.whole, [self.whole.element(number)] * self.width)

    def narrow(self) -> Emitter:
        """The same with short vectors, for lanes that are too few for a long one."""
        return Emitter(self.context, self.builder, self.dtype, NARROW_BYTES)

    def array(self, array_type: Any, value: Any) -> EmittedArray:
        return EmittedArray(self, array_type, value)

    @staticmethod
    def index(i: int) -> Any:
        return _INDEX(i)

    @contextmanager
    def loop(self, start: Any, stop: Any, step: Any = 1) -> Iterator[Any]:
        """``for i in range(start, stop, step)`` around what the with-block writes; gives i."""
        step = _INDEX(step) if isinstance(step, int) else step
        with cgutils.for_range_slice(self.builder, start, stop, step, _INDEX) as (i, _):
            yield i

    @contextmanager
    def walk(self, n: Any, *ways: tuple[EmittedArray, Any]) -> Iterator[list[Any]]:
        """n times what the with-block writes; gives pointers, from each one given along the first axis of its array."""
        places = [cgutils.alloca_once_value(self.builder, start) for _, start in ways]
        with self.loop(self.index(0), n):
            yield [self.builder.load(place) for place in places]
            for place, (array, _) in zip(places, ways, strict=True):
                self.builder.store(array.moved(self.builder.load(place), 0, 1), place)
            last = self.builder.basic_block
        # There is enough to do in a round; several at a time would only need more pointers before the first one.
        self._not_unrolled(last.terminator)

    def _not_unrolled(self, branch: Any) -> None:
        """Say of a loop, by the branch to its beginning, that LLVM is to write it as it is."""
        module = self.builder.module
        said = module.add_metadata(["llvm.loop.unroll.disable"])
        name = ir.MDValue(module, [said], str(len(module.metadata)))
        name.operands = name, said  # the name of a loop begins with itself, so no other one has it
        branch.set_metadata("llvm.loop", name)

    def rounded_down(self, n: Any, step: int) -> Any:
        """The largest multiple of `step` that is not above n."""
        return self.builder.sub(n, self.builder.srem(n, _INDEX(step)))

    def larger(self, a: Any, b: Any) -> Any:
        """The larger one of two whole numbers."""
        return self.builder.select(self.builder.icmp_signed(">", a, b), a, b)

    def smaller(self, a: Any, b: Any) -> Any:
        """The smaller one of two whole numbers."""
        return self.builder.select(self.builder.icmp_signed("<", a, b), a, b)

    def load(self, pointer: Any) -> Any:
        """A vector from here on."""
        return self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.itemsize)

    def store(self, vector: Any, pointer: Any) -> None:
        self.builder.store(vector, self.builder.bitcast(pointer, self.vector.as_pointer()), align=self.itemsize)

    def spread(self, pointer: Any) -> Any:
        """One number in every lane."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, self.builder.load(pointer), ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.width), [0] * self.width)
        return self.builder.shuffle_vector(first, nothing, zeros)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """a · b + c, rounded once."""
        return self.called("fma", a, b, c)

    def sum(self, vector: Any) -> Any:
        """The sum of all lanes."""
        function = self._named("llvm.vector.reduce.fadd.", self.number, [self.number, self.vector])
        return self.builder.call(function, [self.number(0.0), vector], fastmath=("reassoc",))

    def called(self, name: str, *values: Any) -> Any:
        """An instruction or function of LLVM, number by number."""
        return self.builder.call(self._named(f"llvm.{name}.", self.vector, [self.vector] * len(values)), values)

    def _named(self, name: str, result: Any, arguments: list[Any]) -> Any:
        name += f"v{self.width}f{8 * self.itemsize}"
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, arguments), name)


class OneNumber(Emitter):
    """The same for one number in place of a vector."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        super().__init__(context, builder, dtype, dtype.bitwidth // 8)
        self.vector = self.number

    def constant(self, number: float) -> Any:
        return self.number(number)

    def spread(self, pointer: Any) -> Any:
        return self.builder.load(pointer)

    @property
    def whole(self) -> Any:
        return ir.IntType(8 * self.itemsize)

    def whole_constant(self, number: int) -> Any:
        return self.whole(number)

    def called(self, name: str, *values: Any) -> Any:
        kind = ir.FunctionType(self.number, [self.number] * len(values))
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.{name}.f{8 * self.itemsize}")
        return self.builder.call(function, values)


class EmittedArray:
    """An argument of the compiled function: its lengths, and pointers to its elements."""

    def __init__(self, emitter: Emitter, array_type: Any, value: Any) -> None:
        self.emitter = emitter
        self.type: Any = array_type
        self.struct: Any = emitter.context.make_array(array_type)(emitter.context, emitter.builder, value)
        self.shape: list[Any] = cgutils.unpack_tuple(emitter.builder, self.struct.shape, array_type.ndim)
        self.strides: list[Any] = cgutils.unpack_tuple(emitter.builder, self.struct.strides, array_type.ndim)
        if array_type.layout == "C":
            self.strides[-1] = emitter.index(emitter.itemsize)

    def at(self, *index: Any) -> Any:
        """Pointer to an element; an index is a value, or (value, constant) for their sum."""
        e = self.emitter
        pairs = [i if isinstance(i, tuple) else (i, 0) for i in index]
        plain = [i for i, _ in pairs]
        place = cgutils.get_item_pointer(e.context, e.builder, self.type, self.struct, plain, wraparound=False)
        for axis, (_, more) in enumerate(pairs):
            place = self.moved(place, axis, more) if more else place
        return place

    def moved(self, place: Any, axis: int, n: int) -> Any:
        """Pointer to an element n further along an axis than `place`: less to compute than from the array's start."""
        e = self.emitter
        return cgutils.pointer_add(e.builder, place, e.builder.mul(self.strides[axis], e.index(n)))


def transposed(e: Emitter, rows: list[Any]) -> list[Any]:
    """Vector j of the result holds number j of every row; there are as many rows as lanes.

    Interleaving row i with row i + half, all rows at once, is one step; after
    log2(width) steps the table is transposed.
    """
    half = e.width // 2
    index = ir.VectorType(ir.IntType(32), e.width)
    low = ir.Constant(index, [n for i in range(half) for n in (i, i + e.width)])
    high = ir.Constant(index, [n for i in range(half, e.width) for n in (i, i + e.width)])
    for _ in range(e.width.bit_length() - 1):
        pairs = [(rows[i], rows[i + half]) for i in range(half)]
        rows = [e.builder.shuffle_vector(a, b, mask) for a, b in pairs for mask in (low, high)]
    return rows


class Tile:
    """`rows` times `columns` vectors in registers."""

    def __init__(self, emitter: Emitter, rows: int, columns: int) -> None:
        self.emitter = emitter
        self.rows = rows
        self.columns = columns
        # Memory in name only: LLVM keeps these in registers, for nobody takes their address.
        slots = range(rows * columns)
        self.slots: list[Any] = [cgutils.alloca_once(emitter.builder, emitter.vector) for _ in slots]

    def places(self) -> Iterator[tuple[int, int]]:
        """Rows and columns of all vectors."""
        return itertools.product(range(self.rows), range(self.columns))

    def set(self, r: int, c: int, vector: Any) -> None:
        self.emitter.builder.store(vector, self.slots[r * self.columns + c])

    def get(self, r: int, c: int) -> Any:
        return self.emitter.builder.load(self.slots[r * self.columns + c])

    def clear(self) -> None:
        for slot in self.slots:
            self.emitter.builder.store(ir.Constant(self.emitter.vector, None), slot)

    def add_outer(self, left: list[Any], right: list[Any]) -> None:
        """Tile[r, c] += left[r] · right[c]."""
        for r, a in enumerate(left):
            for c, b in enumerate(right):
                self.set(r, c, self.emitter.multiply_add(a, b, self.get(r, c)))


@intrinsic
def borrow(typing: Any, array: Any) -> Any:
    """The same array without an owner: its views are not counted, which costs time; the caller keeps it alive."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        struct = context.make_array(array)(context, builder, args[0])
        struct.meminfo = cgutils.get_null_value(struct.meminfo.type)
        return struct._getvalue()

    return array(array), emit


@intrinsic
def view(typing: Any, array: Any, start: Any, shape: Any) -> Any:
    """Another shape of a contiguous array's entries from `start` on, like `borrow` without an owner.

    `shape` is a tuple. Nothing is checked; ``array[start:stop].reshape(shape)`` does
    the same with checks that take the compiler longer than the kernel around it.
    """
    result = types.Array(array.dtype, len(shape), "C", readonly=not array.mutable)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from numba.np.arrayobj import populate_array  # takes 20 ms, and only the compiler needs it

        old = context.make_array(array)(context, builder, args[0])
        new = context.make_array(result)(context, builder)
        lengths = cgutils.unpack_tuple(builder, args[2], len(shape))
        itemsize = old.itemsize
        strides: list[Any] = []
        step = itemsize
        for length in reversed(lengths):
            strides.insert(0, step)
            step = builder.mul(step, length)
        populate_array(
            new,
            data=builder.gep(old.data, [args[1]]),
            shape=cgutils.pack_array(builder, lengths),
            strides=cgutils.pack_array(builder, strides),
            itemsize=itemsize,
            meminfo=None,
        )
        return new._getvalue()

    return result(array, types.int64, types.UniTuple(types.int64, len(shape))), emit


NOTHING = types.void
