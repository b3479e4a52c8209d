"""The compiled engine behaves as the NumPy engine does: errors, stopping, callbacks, results, and its choice."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from both_engines import built, difference, train_both, trainer, windows
from small import write_experiment

from minidl import (
    SGD,
    Adam,
    ConfigError,
    Dense,
    HalfMSE,
    LastStep,
    LSTMLayer,
    NumericalError,
    RecurrentLayer,
    Sequential,
    TanhActivation,
)
from minidl.compiled import choose_engine, explain
from minidl.compiled.engine import CompiledEngine
from minidl.core.errors import IncompatibleRunError
from minidl.data import Windows
from minidl.experiment import load_experiment
from minidl.runs.resuming import resume
from minidl.runs.run import Run
from minidl.training import Arrays, Callback, NumpyEngine, Training


def compiled_trainer(model, **arguments):
    return trainer(model, engine=CompiledEngine(), **arguments)


def test_nan_in_a_window_is_found_in_its_step_as_numpy_finds_it():
    source = windows(64)
    source.values[40, 1] = np.nan
    messages, states = [], []
    for engine in (None, CompiledEngine()):
        one = trainer(built(), engine=engine, shuffle=False)
        with pytest.raises(NumericalError) as caught:
            one.run(source)
        messages.append(str(caught.value))
        states.append((one.step, one.parameters.values.copy()))
    assert messages[0] == messages[1]
    assert "the inputs (x) have NaN at [35, 5, 1] and " in messages[0]
    assert states[0][0] == states[1][0] > 0
    assert difference(states[0][1], states[1][1]) < 1e-12


@pytest.mark.parametrize("optimizer", [SGD(1e9)], ids=["a giant step"])
def test_an_overflowing_step_is_found_as_numpy_finds_it(optimizer):
    messages = []
    for engine in (None, CompiledEngine()):
        with pytest.raises(NumericalError) as caught:
            trainer(built(), engine=engine, optimizer=optimizer, epochs=30).run(windows(64))
        messages.append(str(caught.value).split(":")[0])
    assert messages[0] == messages[1]


def test_a_request_to_stop_is_heard_between_calls_and_nothing_is_lost():
    one = compiled_trainer(built(), epochs=1000)
    asked = []
    one.should_stop = lambda: asked.append(one.step) or len(asked) == 3
    one.run(windows(20_000))
    assert len(asked) == 3
    assert 0 < one.step == asked[-1] < 1000 * 1250


def test_callbacks_and_validation_see_the_same():
    class Keep(Callback):
        def __init__(self):
            self.seen = []

        def on_epoch_end(self, trainer, record):
            self.seen.append((record.epoch, record.step, record.validation_loss))

    seen = []
    for engine in (None, CompiledEngine()):
        keep = Keep()
        trainer(built(), engine=engine, epochs=3).run(windows(90), windows(30, seed=2), [keep])
        seen.append(keep.seen)
    assert [part[:2] for part in seen[0]] == [part[:2] for part in seen[1]]
    assert [part[2] for part in seen[0]] == pytest.approx([part[2] for part in seen[1]], rel=1e-12)


def test_repeated_trainings_are_equal_bit_for_bit_however_the_calls_are_cut():
    results = []
    for steps in (1, 3, 1000):
        one = compiled_trainer(built(), epochs=2)
        one.engine._steps_a_call = steps
        history = one.run(windows(90))
        results.append((one.parameters.values.tobytes(), history[-1].train_loss))
    assert results[0] == results[1] == results[2]


def test_threads_train_many_seeds_as_one_by_one():
    source = windows(90)

    def digest(seed):
        model = Sequential([RecurrentLayer(4), LastStep(), Dense(1)])
        model.build((6, 3), seed, "float64")
        one = compiled_trainer(model, epochs=3)
        one.run(source)
        return one.parameters.values.tobytes()

    expected = [digest(seed) for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(digest, range(6))) == expected


def test_arrays_and_sources_that_only_gather_train_like_windows():
    class OnlyGathers:
        def __init__(self, source):
            self.source = source

        def __len__(self):
            return len(self.source)

        def gather(self, indices):
            return self.source.gather(indices)

    source = windows(90)
    results = []
    batch = source.gather(np.arange(90))
    for one in (source, Arrays(batch.x, batch.target), OnlyGathers(source)):
        fresh = compiled_trainer(built())
        fresh.run(one)
        results.append(fresh.parameters.values.tobytes())
    assert results[0] == results[1] == results[2]


class OwnDense(Dense):
    """A subclass may compute something else: it does not inherit the kernel."""


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Sequential([OwnDense(1)]), "OwnDense 0 has no kernel"),
        (Sequential([Sequential([Dense(2), OwnDense(1)])]), "OwnDense 0.1 has no kernel"),
        (Sequential([Dense(3), *[TanhActivation()] * 2]), "TanhActivation 2 stands twice in the stack"),
        (Sequential([RecurrentLayer(1100)]), "RecurrentLayer 0 has 1,100 units; from"),
        (Sequential([LSTMLayer(1024)]), "LSTMLayer 0 has 1,024 units; from"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_cannot_be_compiled_or_does_not_pay_is_named(model, reason):
    assert explain(model, HalfMSE(), Adam()).startswith(f"numpy: {reason}")


def test_large_layers_are_compiled_where_several_threads_are_asked_for():
    model = Sequential([RecurrentLayer(1100)])
    for threads, expected in ((1, "numpy: RecurrentLayer 0 has 1,100 units; from"), (2, "compiled")):
        assert explain(model, HalfMSE(), SGD(0.1), training=Training(threads=threads)).startswith(expected)


def test_the_config_decides_and_what_it_asks_for_is_given_or_refused():
    assert explain(built(), HalfMSE(), SGD(0.1), engine="numpy") == "numpy: the config asks for it"
    assert explain(Sequential([RecurrentLayer(300)]), HalfMSE(), SGD(0.1), engine="compiled") == "compiled"
    with pytest.raises(ConfigError, match="engine is compiled, but OwnDense 0 has no kernel; set engine: auto"):
        explain(Sequential([OwnDense(1)]), HalfMSE(), SGD(0.1), engine="compiled")


def test_a_run_whose_config_asks_for_it_is_compiled_and_equals_numpys(tmp_path, monkeypatch):
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    values, lines = [], []
    for engine in ("numpy", "compiled"):
        experiment = load_experiment("small.yaml", [f"engine={engine}"])
        run = Run.create(experiment, tmp_path / engine)
        run.notify = lines.append
        run.train(experiment.load_data())
        values.append(np.concatenate([value.reshape(-1) for value in experiment.model.params.values()]))
    assert "engine: compiled" in lines
    assert difference(*values) < 1e-12
    # Code for another processor may give other bytes: a run of the compiled engine does not go on with it.
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    resume_to_the_end(tmp_path / "numpy")
    with pytest.raises(IncompatibleRunError, match="NUMBA_CPU_NAME: not set when the run was saved, generic now"):
        resume_to_the_end(tmp_path / "compiled")


def resume_to_the_end(folder):
    run = Run.open(folder, unchanged=False)
    resume(run, run.experiment.load_data())


def test_auto_compiles_long_trainings_only():
    one = trainer(built(), epochs=10)
    engine, line = choose_engine(one, "auto", windows(90), lambda line: None)
    assert isinstance(engine, NumpyEngine)
    assert line == "numpy: so short a training is done before the compiler is"
    one = trainer(built(), epochs=1_000_000)
    engine, line = choose_engine(one, "auto", windows(90), lambda line: None)
    assert isinstance(engine, CompiledEngine)
    assert line == "compiled"


def test_auto_counts_a_time_step_of_many_multiplications_for_several():
    short = "numpy: so short a training is done before the compiler is"
    for units, batch_size, expected in ((4, 512, short), (64, 16, short), (64, 512, "compiled")):
        model, training = built(RecurrentLayer(units)), Training(batch_size=batch_size)
        line = explain(model, HalfMSE(), SGD(0.1), time_steps=100_000, training=training)
        assert line == expected, (units, batch_size)


def test_without_numba_everything_runs_with_numpy(monkeypatch):
    import minidl.compiled.choice

    monkeypatch.setattr(minidl.compiled.choice, "numba_installed", lambda: False)
    assert explain(built(), HalfMSE(), SGD(0.1)) == "numpy: numba is not installed (pip install numba)"


def test_importing_minidl_and_explaining_do_not_import_numba():
    import subprocess

    code = (
        "import sys, minidl, minidl.compiled, minidl.runs.run; m = minidl.Sequential([minidl.Dense(1)]); "
        "print(minidl.compiled.explain(m, minidl.HalfMSE(), minidl.SGD(0.1)), 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "compiled False\n"


def test_windows_at_every_offset_are_gathered_like_numpy():
    # 5 rows of 7 features: 35 numbers, no multiple of a vector; and one row of one feature.
    for time_steps, features in ((5, 7), (1, 1), (16, 1)):
        values = np.random.default_rng(0).normal(size=(70, features))
        source = Windows(values, np.arange(7, 47, dtype=np.int64), time_steps, features - 1)
        model = Sequential([RecurrentLayer(2), LastStep(), Dense(1)])
        model.build((time_steps, features), 0, "float64")
        numpy, compiled = train_both(model, source, batch_size=11)
        assert difference(numpy.parameters.values, compiled.parameters.values) < 1e-12
