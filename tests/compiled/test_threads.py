"""Several threads in compiled code: as one up to rounding, the same bits every time, and no thread hangs."""

from __future__ import annotations

import contextlib
import os
import threading

import numpy as np
import pytest
from both_engines import built, difference, trainer, windows
from small import write_experiment
from uneven import end_of

from minidl import (
    SGD,
    Bidirectional,
    CrossEntropy,
    Dense,
    Dropout,
    GRULayer,
    LSTMLayer,
    NumericalError,
    RecurrentLayer,
    Sequential,
)
from minidl.compiled import engine as engine_module
from minidl.compiled.emit.waiting import flags_for, heard, say
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.jit import jit
from minidl.compiled.plan import threads_for
from minidl.compiled.together import together
from minidl.core.errors import IncompatibleRunError
from minidl.experiment import load_experiment
from minidl.runs.resuming import resume
from minidl.runs.run import Run
from minidl.training import Arrays


def with_threads(threads, model=None, notify=lambda line: None, **arguments):
    return trainer(model or built(), engine=CompiledEngine(notify), threads=threads, **arguments)


def end_after(threads, n, **arguments):
    """Parameters and losses of the epochs."""
    one = with_threads(threads, **{"epochs": 3, **arguments})
    losses = [record.train_loss for record in one.run(windows(n))]
    return one.parameters.values.copy(), losses


@pytest.mark.parametrize(
    ("n", "batch_size", "threads"),
    [(96, 16, 2), (90, 16, 2), (90, 16, 3), (33, 16, 2), (34, 16, 3), (37, 13, 2), (5, 64, 2), (200, 64, 4)],
)
def test_several_threads_learn_what_one_learns(n, batch_size, threads):
    # Catches a mean over a thread's part, gradients or losses of a thread left out, and, where the last batch has
    # fewer examples than there are threads, old gradients of one that has none.
    expected, losses = end_after(1, n, batch_size=batch_size)
    found, losses_found = end_after(threads, n, batch_size=batch_size)
    assert difference(expected, found) < 1e-12
    np.testing.assert_allclose(losses_found, losses, rtol=1e-12)


def test_the_bits_are_the_same_every_time_and_however_the_calls_are_cut():
    results = []
    for steps in (1, 3, 1000, 1000, 1000):
        one = with_threads(2, epochs=4, clip_norm=0.5)
        one.engine._steps_a_call = steps
        history = one.run(windows(90))
        results.append((one.parameters.values.tobytes(), history[-1].train_loss))
    assert len(set(results)) == 1


def ragged_examples(weight):
    rng = np.random.default_rng(2)
    n, time = 45, 9
    lengths = rng.integers(1, time + 1, size=n)
    return Arrays(rng.normal(size=(n, time, 3)), rng.integers(3, size=(n, time)), lengths, weight(rng, n, time))


@pytest.mark.parametrize(
    "weight",
    [
        pytest.param(lambda rng, n, time: None, marks=pytest.mark.slow),
        pytest.param(lambda rng, n, time: rng.uniform(0, 2, (n, time)), marks=pytest.mark.slow),
        # In every other batch all weight is in one thread's part, and there is a batch without any.
        lambda rng, n, time: np.where(np.arange(n) % 32 < 8, np.where(np.arange(n) < 32, 1e-3, 0), np.arange(n) % 3),
    ],
    ids=["lengths", "weights of steps", "weights of examples"],
)
def test_lengths_and_weights_count_over_the_whole_batch(weight):
    # Catches shares of a thread's own sum in place of the batch's, and lengths or masks of other examples.
    source = ragged_examples(weight)
    model = Sequential([Bidirectional(RecurrentLayer(2)), Dropout(0.2), Dense(3)])
    model.build((None, 3), 0, "float64")
    arguments = {"batch_size": 16, "shuffle": False, "optimizer": SGD(0.01)}
    ends = [
        end_of(model, source, CrossEntropy(), engine, threads=threads, **arguments)
        for engine, threads in ((None, 1), (CompiledEngine(), 1), (CompiledEngine(), 2), (CompiledEngine(), 3))
    ]
    for end, losses in ends[1:]:
        assert difference(ends[0][0], end) < 1e-12
        np.testing.assert_allclose(losses, ends[0][1], rtol=1e-12)


@pytest.mark.parametrize("row", [3, 40], ids=["in the first part", "in the second part"])
def test_nan_in_one_part_ends_all_threads_in_its_step_with_the_message_of_one(row):
    before, messages, states = threading.active_count(), [], []
    for threads in (1, 2):
        source = windows(64)
        source.values[row, 1] = np.nan
        one = with_threads(threads, shuffle=False, batch_size=64 if row == 3 else 16)
        with pytest.raises(NumericalError) as caught:
            one.run(source)
        messages.append(str(caught.value))
        states.append((one.step, one.parameters.values.copy()))
    assert messages[0] == messages[1]
    assert "the inputs (x) have NaN" in messages[0]
    assert states[0][0] == states[1][0]
    assert difference(states[0][1], states[1][1]) < 1e-12
    assert threading.active_count() == before


def test_a_giant_step_ends_all_threads():
    before, messages = threading.active_count(), []
    for threads in (1, 2):
        with pytest.raises(NumericalError) as caught:
            with_threads(threads, optimizer=SGD(1e9), epochs=30).run(windows(64))
        messages.append(str(caught.value).split(":")[0])
    assert messages[0] == messages[1]
    assert threading.active_count() == before


def test_a_training_that_was_stopped_goes_on_to_the_same_bits():
    whole, _ = end_after(2, 90, epochs=40, shuffle=False)
    one, asked = with_threads(2, epochs=40, shuffle=False), []
    one.engine._steps_a_call = 1
    one.should_stop = lambda: asked.append(one.step) or len(asked) == 3
    one.run(windows(90))
    assert one.epoch < 40
    one.should_stop = lambda: False
    one.run(windows(90))
    assert one.parameters.values.tobytes() == whole.tobytes()


def within_a_minute(call):
    """What a call returns or raises; one that hangs fails."""
    found = []

    def run():
        try:
            found.append(call())
        except BaseException as err:
            found.append(err)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert found, "it hangs"
    return found[0]


@pytest.mark.parametrize(
    ("who", "error"), [(0, MemoryError), (0, KeyboardInterrupt), (1, MemoryError), (2, MemoryError)]
)
def test_what_one_thread_raises_ends_the_others_which_wait_for_it(who, error):
    flags, ended = flags_for(3), []

    def function(thread):
        if thread == who:
            raise error("here")
        ended.append(heard(flags, who, 1))

    found = within_a_minute(lambda: together(function, [(0,), (1,), (2,)], flags))
    assert isinstance(found, error)
    assert ended == [False, False]


def test_a_thread_that_does_not_start_ends_those_that_did(monkeypatch):
    flags, ended, start = flags_for(3), [], threading.Thread.start

    def start_one(self):
        if self._args == [2]:
            raise RuntimeError("can't start new thread")
        start(self)

    def call():
        monkeypatch.setattr(threading.Thread, "start", start_one)
        return together(lambda thread: ended.append(heard(flags, 0, 1)), [(0,), (1,), (2,)], flags)

    found = within_a_minute(call)
    assert str(found) == "can't start new thread"
    assert ended == [False]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen here")
@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_each_thread_has_processors_of_its_own_and_the_caller_gets_all_back(monkeypatch, error):
    # Catches two threads on one processor beside an idle one, and a caller who stays on its share.
    usable, found, inside = {threading.get_ident(): {0, 1, 4, 5, 7}}, {}, {}

    def choose(pid, processors):
        inside[threading.get_ident()] = set(processors)

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: usable[threading.get_ident()])
    monkeypatch.setattr(os, "sched_setaffinity", choose)

    def function(thread):
        found[thread] = inside.get(threading.get_ident())
        if error and not thread:
            raise error

    with pytest.raises(error) if error else contextlib.nullcontext():
        together(function, [(0,), (1,)], flags_for(2))
    assert found == {0: {0, 4, 7}, 1: {1, 5}}
    assert inside[threading.get_ident()] == {0, 1, 4, 5, 7}
    inside.clear()
    with pytest.raises(error) if error else contextlib.nullcontext():
        together(function, [(thread,) for thread in range(6)], flags_for(6))
    assert found == dict.fromkeys(range(6))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen here")
def test_a_system_that_refuses_processors_changes_nothing(monkeypatch):
    def refuse(pid, processors):
        raise PermissionError("not here")

    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    assert together(lambda thread: 10 + thread, [(0,), (1,)], flags_for(2)) == 10


def test_what_was_written_before_a_flag_is_seen_after_it():
    # Each adds to a number in turn, ten thousand times: a turn that is not waited for loses some.
    @jit
    def count(flags, number, thread):
        for k in range(1, 10_001):
            if heard(flags, 1 - thread, k - thread):
                number[0] += 1 + k % 2
            say(flags, thread, k)
        heard(flags, 1 - thread, 10_000)

    flags, number = flags_for(2), np.zeros(1)
    # The second thread goes first: the first one waits for k of it, and it for k - 1 of the first.
    within_a_minute(lambda: together(count, [(flags, number, 0), (flags, number, 1)], flags))
    assert number[0] == 30_000


def test_a_batch_gives_each_thread_a_vector_at_least_and_says_so():
    lines = []
    small, _ = end_after(2, 20, batch_size=2, notify=lines.append)
    assert lines[-1] == "a batch of 2 is too small for 2 threads: 1 thread"
    assert small.tobytes() == end_after(1, 20, batch_size=2)[0].tobytes()
    for dtype in ("float32", "float64"):
        assert threads_for(2, 64, dtype) == 2
        assert threads_for(1000, 64, dtype) == threads_for(1000, 63, dtype) <= 64
        assert threads_for(1, 1, dtype) == threads_for(2, 1, dtype) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen here")
def test_one_processor_gives_the_same_bits_and_a_line():
    expected, lines, before = end_after(2, 90)[0], [], os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        found, _ = end_after(2, 90, notify=lines.append)
    finally:
        os.sched_setaffinity(0, before)
    assert found.tobytes() == expected.tobytes()
    assert lines == ["2 threads share 1 processor: fewer would be faster"]


def test_a_run_with_other_threads_does_not_go_on(tmp_path, monkeypatch):
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine_module, "usable_processors", lambda: 2)
    experiment = load_experiment("small.yaml", ["engine=compiled", "training.threads=2"])
    Run.create(experiment, tmp_path / "two").train(experiment.load_data())
    config = tmp_path / "two" / "config.yaml"
    config.write_text(config.read_text().replace("threads: 2", "threads: 1"))
    run = Run.open(tmp_path / "two", unchanged=False)
    with pytest.raises(IncompatibleRunError, match=r"training\.threads: 2 when the run was saved, 1 now"):
        resume(run, run.experiment.load_data())


@pytest.mark.slow
def test_stacks_of_float32_learn_alike_with_several_threads():
    for layers in ([LSTMLayer(20), LSTMLayer(9)], [GRULayer(17)]):
        ends = [end_after(threads, 150, model=built(*layers, dtype="float32"), batch_size=64) for threads in (1, 2, 4)]
        for end, losses in ends[1:]:
            assert difference(ends[0][0], end) < 1e-5
            np.testing.assert_allclose(losses, ends[0][1], rtol=1e-5)
