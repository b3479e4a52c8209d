"""The text of the functions that run a whole stack, with places for what depends on the stack.

`generated` fills them in. A step of training is written twice: for one thread, and for
several that call the function at once.
"""

from __future__ import annotations

TRAIN = """\
def train(inputs, targets, starts, target_starts, target_step, batch, limits, total, numbers,
          segments, frozen, average, params, grads,
          work, sizes{masks}{uneven}{carried}{state}{several}):
    inputs, targets, params, grads = borrow(inputs), borrow(targets), borrow(params), borrow(grads)
    {arrays}
    position, loss, trouble = 0, 0.0, 0
    while position < len(starts):
        n = min(batch, len(starts) - position)
        {step}
        position += n
    return position, total, loss, trouble
"""

STEP = """\
{gather}
{forward}
loss = {loss}
{backward}
{update}
{carry}"""

UPDATE = """\
for k in range(len(frozen)):
    fill(view(grads, frozen[k, 0], (frozen[k, 1],)), 0)
square = sum_of_squares(grads)
if not isfinite(loss) or (not isfinite(square) and not (isfinite(min(limits[0], limits[1])) and all_finite(grads))):
    trouble = 1
    break
if isfinite(limits[1]):
    clamp(grads, limits[1])
    square = sum_of_squares(grads)
if isfinite(limits[0]):
    clip(grads, square, limits[0])
for k in range(len(segments)):
    start, size = segments[k, 0], segments[k, 1]
    update(view(params, start, (size,)), view(grads, start, (size,)), numbers[position // batch, k]{state})
if not (finite(params){finite}):
    trouble = 2
    break
follow(average, params, limits[2])
total += loss * n"""

# Each thread takes some of a batch's examples. The first one adds the gradients, always in the same
# order, and takes the optimizer's step, while the others wait for the new parameters.
STEP_TOGETHER = """\
first = n * thread // threads
count = n * (thread + 1) // threads - first
if count:
    {gather}
    {forward}
    losses[thread] = {loss}
    {backward}
else:
    losses[thread] = 0.0
    fill(grads, 0)
    {draw}
if thread:
    say(flags, thread, position + n)
    {carry}
    if not heard(flags, 0, position + n):
        break
else:
    if not all_heard(flags, threads, position + n):
        break
    loss = losses[0]
    for other in range(1, threads):
        loss += losses[other]
        add_to(grads, parts[other - 1])
    {update}
    say(flags, 0, position + n)
    {carry}"""

GATHER = """\
gather_inputs(x0, inputs, starts, {examples})
gather_targets(target, targets, target_starts, target_step, {examples})"""

ALL = "0, n"  # the first example of a batch, and how many there are

# Where examples have lengths or weights.
GATHER_UNEVEN = """\
gather_lengths(lengths, given_lengths, {examples})
gather_held(x0, inputs, starts, x0.shape[1], lengths, {examples})
gather_held(target, targets, target_starts, target_step, lengths, {examples})
{shares}"""

SHARES = "gather_shares(share, weights, weight_starts, weight_steps, lengths, {examples})"
# The mean is one over the whole batch.
SHARES_TOGETHER = """\
total_weight = sum_of_weights(
    share, weights, weight_starts, weight_steps, view(given_lengths, position, (n,)), position, n
)
share_out(share, weights, weight_starts, weight_steps, lengths, {examples}, total_weight)"""
LOSS = "loss_function(x{last}, target, d{last}, {counted})"
LOSS_TOGETHER = """\
count / n * loss_function(x{last}, target, d{last}, count)
scale(d{last}, count / n)"""

# Where steps go along streams: before forward, and after backward.
BEGIN = """\
if not goes_on[position // batch]:
    {start}"""
WENT_ON = """\
if goes_on[position // batch]:
    {went_on}"""
SPREAD = "spread_inputs(x0, inputs, first, n)"
SINGLE = "x0 = view(inputs, first * x0.size, x0.shape)"  # one window stands where it is
SPREAD_UNEVEN = """\
gather_lengths(lengths, given_lengths, first, n)
gather_held(x0, view(inputs, 0, (inputs.size,)), starts, x0.shape[1], lengths, first, n)"""

PREDICT = """\
def predict(inputs, outputs, begin, keep, work, sizes{uneven}):
    inputs, outputs = borrow(inputs), borrow(outputs)
    {arrays}
    for first in range(0, len(outputs), x0.shape[2]):
        n = min(x0.shape[2], len(outputs) - first)
        {gather}
        if begin:
            {start}
        {forward}
        collect_outputs(outputs, x{last}, first, n)
    if keep:
        {carry}
"""


def filled(template: str, **parts: str) -> str:
    """A template with its parts, whose lines are indented as the places are where they stand."""
    lines = []
    for line in template.split("\n"):
        margin = line[: len(line) - len(line.lstrip())]
        lines.append(line.format(**parts).replace("\n", "\n" + margin))
    return "\n".join(lines)
