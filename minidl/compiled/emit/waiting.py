"""How threads of compiled code wait for each other: by flags, numbers that only grow until they say `ENDED`.

Each thread has one flag and writes no other. What it wrote before, others see once they
have read it. A short wait spins, for it is shorter than going to sleep; a long one sleeps,
so that a thread whose partner has no core does not keep one busy.
"""

from __future__ import annotations

import sys
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from minidl.compiled.emit.vectors import NOTHING, Emitter, intrinsic
from minidl.compiled.jit import jit
from minidl.core.layer import Array

ENDED = -1
# Numbers from one flag to the next: two in one line of the cache would slow each other down.
_APART = 16
# As many pauses take some fifty microseconds.
_SPINS = 2000
# By processor: the instruction for it, and its arguments.
_PAUSE = {
    "x86_64": ("llvm.x86.sse2.pause", ()),
    "aarch64": ("llvm.aarch64.hint", (1,)),
    "arm64": ("llvm.aarch64.hint", (1,)),
}
# A function of the system, and its argument: microseconds, or on Windows, where 0 gives the core away, milliseconds.
_SLEEP = ("Sleep", 0) if sys.platform == "win32" else ("usleep", 50)


def flags_for(threads: int) -> Array:
    """A flag for each thread, all 0."""
    return np.zeros(threads * _APART, np.int64)


def end(flags: Array, thread: int) -> None:
    """Say that a thread has ended: nobody waits for it any more."""
    flags[thread * _APART] = ENDED


@intrinsic
def _written(typing: Any, flags: Any, i: Any) -> Any:
    """Number i, after which all is seen that was written before it."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = Emitter(context, builder, types.float64).array(signature.args[0], args[0]).at(args[1])
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(flags, types.int64), emit


@intrinsic
def _write(typing: Any, flags: Any, i: Any, number: Any) -> Any:
    """Set number i, after all that was written before."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = Emitter(context, builder, types.float64).array(signature.args[0], args[0]).at(args[1])
        builder.store_atomic(args[2], place, "release", 8)
        return context.get_dummy_value()

    return NOTHING(flags, types.int64, types.int64), emit


@intrinsic
def _pause(typing: Any) -> Any:
    """Tell the processor that this thread only waits."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        processor = llvmlite.binding.get_process_triple().split("-")[0]
        if processor in _PAUSE:
            name, numbers = _PAUSE[processor]
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(32)] * len(numbers))
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), map(ir.IntType(32), numbers))
        return context.get_dummy_value()

    return NOTHING(), emit


@intrinsic
def _sleep(typing: Any) -> Any:
    """Leave the core to others for a moment."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        name, moment = _SLEEP
        number = ir.IntType(32)
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(number, [number]), name)
        builder.call(function, [number(moment)])
        return context.get_dummy_value()

    return NOTHING(), emit


@jit
def say(flags: Array, thread: int, number: int) -> None:
    """Set the flag of a thread, which is the caller's."""
    _write(flags, thread * _APART, number)


@jit
def heard(flags: Array, thread: int, number: int) -> bool:
    """Wait until the flag of a thread is so large; False: that thread has ended."""
    spins = 0
    while True:
        now = _written(flags, thread * _APART)
        if now == ENDED or now >= number:
            return bool(now != ENDED)
        spins += 1
        if spins < _SPINS:
            _pause()
        else:
            _sleep()


@jit
def all_heard(flags: Array, threads: int, number: int) -> bool:
    """The same for all threads but the first."""
    none_ended = True
    for thread in range(1, threads):
        none_ended = none_ended and heard(flags, thread, number)
    return none_ended
