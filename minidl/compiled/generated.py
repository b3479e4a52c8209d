"""Writes the function that runs a whole stack: kernels one after the other, in plain Python for numba.

The text depends on the kinds of layers and on which of them have parameters, not
on sizes: those come in an array of numbers, so one compiled function serves every
width, window length and batch size of a stack.
"""

from __future__ import annotations

from functools import partial

from minidl.compiled import templates
from minidl.compiled.kernel import LossKernel, OptimizerKernel
from minidl.compiled.layout import Layout
from minidl.compiled.stack_lines import GeneratedFunction, StackLines
from minidl.compiled.templates import filled
from minidl.core.layer import Layer, n_parameters


def train_function(
    model: Layer,
    layout: Layout,
    target: tuple[int, int],
    loss: LossKernel,
    optimizer: OptimizerKernel,
    state: int,
    *,
    uneven: bool = False,
    several: bool = False,
    carried: bool = False,
) -> GeneratedFunction:
    """``train``: many steps in one call.

    `target` are the time steps of a target and its numbers at each, `state` is the number of the optimizer's arrays;
    `uneven`: examples have lengths or weights. `several`: several threads call it at once, each
    with memory and gradients of its own, and take part of each batch; see `together`. `carried`: steps go
    along streams.
    """
    from minidl.compiled import runtime

    arrays = StackLines(model, layout)
    arrays.parameter_lines("params", "p")
    arrays.parameter_lines("grads", "g")
    arrays.gradient_lines()
    arrays.declare("target", *target, layout.lanes)
    if uneven:
        arrays.declare("share", *target, layout.lanes)
        arrays.names.declare("lengths", partial(arrays.memory.whole, [0] * layout.lanes))
    if arrays.masks(""):
        arrays.more += [f"{name} = borrow({name})" for name in ("masks", "random", "ranks", "rates")]
    if carried:
        arrays.states()
    arrays.place(back=True)
    step = _step(arrays, state, uneven=uneven, several=several, carried=carried)
    text = filled(
        templates.TRAIN,
        arrays=arrays.lines(step),
        step=step,
        carried=", goes_on" if carried else "",
        masks=", masks, random, ranks, rates" if arrays.masks("") else "",
        uneven=", given_lengths, weights, weight_starts, weight_steps" if uneven else "",
        state="".join(f", state{i}" for i in range(state)),
        several=", thread, threads, losses, parts, flags" if several else "",
    )
    function = loss.weighted if uneven else loss.loss
    return arrays.source(text, {**runtime.NAMES, "loss_function": function, "update": optimizer.update})


def _step(arrays: StackLines, state: int, *, uneven: bool, several: bool, carried: bool) -> str:
    """The text of a step of training."""
    examples, n = ("position + first, count", "count") if several else ("position, n", "n")
    shares = filled(templates.SHARES_TOGETHER if several else templates.SHARES, examples=examples)
    gather = filled(templates.GATHER_UNEVEN if uneven else templates.GATHER, examples=examples, shares=shares)
    loss = filled(
        templates.LOSS_TOGETHER if several and not uneven else templates.LOSS,
        last=str(arrays.steps[-1].target),
        counted="share" if uneven else n,
    )
    update = filled(
        templates.UPDATE,
        state="".join(f", view(state{i}, segments[k, {2 * i + 2}], (segments[k, {2 * i + 3}],))" for i in range(state)),
        finite="".join(f" and finite(state{i})" for i in range(state)),
    )
    return filled(
        templates.STEP_TOGETHER if several else templates.STEP,
        gather="\n".join([gather, *arrays.masks("first, count" if several else templates.ALL)]),
        draw="\n".join(arrays.masks("") or ["pass"]),
        forward="\n".join((arrays.begin() if carried else arrays.start()) + arrays.forward()),
        loss=loss,
        backward="\n".join(arrays.backward() + (arrays.went_on() if carried else [])),
        update=update,
        carry="\n".join(arrays.carry()) if carried else "",
    )


def predict_function(model: Layer, layout: Layout) -> GeneratedFunction:
    """``predict``: forward for any number of windows. The parameters lie at the end of its working memory."""
    from minidl.compiled import runtime

    arrays, last = StackLines(model, layout), layout.steps[-1]
    gather = templates.SINGLE if layout.lanes == 1 else templates.SPREAD
    if layout.ragged:
        arrays.names.declare("lengths", partial(arrays.memory.whole, [0] * layout.lanes))
        gather = templates.SPREAD_UNEVEN
    arrays.place(back=False)
    first = arrays.memory.size
    arrays.memory.size += n_parameters(model)
    arrays.parameter_lines("work", "p", first)
    arrays.names.place()
    start, forward, carry = (
        "\n".join(lines or ["pass"]) for lines in (arrays.start(), arrays.forward(), arrays.carry())
    )
    text = filled(
        templates.PREDICT,
        arrays=arrays.lines(start + forward + carry),
        start=start,
        forward=forward,
        gather=gather,
        uneven=", given_lengths, starts" if layout.ragged else "",
        carry=carry,
        last=str(last.target),
    )
    return arrays.source(text, runtime.NAMES)
