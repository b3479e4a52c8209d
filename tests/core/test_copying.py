"""Whatever is public can be deep-copied and pickled, to an object of the same content that shares no memory."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import hourly_table, write_experiment

import minidl
import minidl.compiled
import minidl.config
import minidl.data
import minidl.forecasting
import minidl.layers
import minidl.parallel.experiments  # whose series in memory is one of the classes
import minidl.tasks
import minidl.testing
import minidl.training
from minidl import Adam, Dense, LastStep, Layer, MinidlError, RecurrentLayer, Repeat, Sequential, StorageError
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.kernel import kernel_of
from minidl.config import parse_text
from minidl.core import errors
from minidl.core.arguments import Configurable
from minidl.core.workspace import Workspace
from minidl.data import ScaleFit, Windows
from minidl.experiment import Experiment, load_experiment
from minidl.forecasting import Linear, Persistence, Recursive, Rows, Seasonal
from minidl.randomness import Streams
from minidl.runs.log import WriteLog
from minidl.runs.run import Run
from minidl.runs.saving import SaveCheckpoints
from minidl.training import Arrays, EpochRecord, Trainer, Training
from minidl.training.flat import FlatParameters

COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda item: pickle.loads(pickle.dumps(item)),
}


def built(layer: Layer, shape: tuple[int, ...] = (4, 3)) -> Layer:
    layer.build(shape, np.random.default_rng(0), "float64")
    return layer


def model() -> Sequential:
    made = Sequential([Repeat(RecurrentLayer(2), times=2), LastStep(), Dense(1)])
    made.build((4, 3), 0, "float64")
    return made


def half_trained() -> Trainer:
    rng = np.random.default_rng(0)
    made = Trainer(
        model(),
        loss=minidl.HalfMSE(),
        optimizer=Adam(),
        settings=Training(epochs=1, batch_size=4),
        streams=Streams.from_seed(0),
    )
    made.run(Arrays(rng.normal(size=(6, 4, 3)), rng.normal(size=(6, 1))))
    return made


def one_step(x: Any) -> Any:
    return x[:, -1, :1]


def rows() -> Rows:
    table = hourly_table()
    return Rows(table.values, 6, table.target_index)


def sequence_parts() -> minidl.data.SequenceParts:
    source = minidl.data.Waves(n_sequences=9, learn="numbers")
    return minidl.data.Sequences(source).load("float64", table=source.read())


def objects() -> dict[str, Any]:
    """One object, or more, of every public class."""
    found: dict[str, Any] = {}
    for cls in configurables():
        found[cls.__name__] = _configurable(cls)
    for cls in vars(errors).values():
        if isinstance(cls, type) and issubclass(cls, MinidlError):
            found[cls.__name__] = cls("where: what is wrong")
    values = hourly_table().values
    return found | {
        "ShapeError": minidl.ShapeError("where", ("layers", 2)),
        "Context": minidl.Context(training=True, rng=np.random.default_rng(1), state=(np.ones(2), None)),
        "Workspace": Workspace(),
        "Arrays": Arrays(np.ones((2, 3)), np.ones(2)),
        "EpochRecord": EpochRecord(1, 2, 0.5, None, None, 0.1, 2.0),
        "NumpyEngine": minidl.training.NumpyEngine(),
        "CompiledEngine": CompiledEngine(),
        "SaveCheckpoints": SaveCheckpoints(Path("a"), Path("b"), {"run": "1"}),
        "WriteLog": WriteLog(Path("log")),
        "StopOnSignal": minidl.training.StopOnSignal(),
        "Callback": minidl.training.Callback(),
        "Trainer": half_trained(),
        "history": half_trained().history,
        "FlatParameters": FlatParameters(model()),
        "Streams": Streams.from_seed(3),
        "Table": hourly_table(),
        "ScaleFit": ScaleFit(offset=np.zeros(3), range=np.ones(3)),
        "Windows": Windows(values, np.arange(9), 6, 0, False),
        "Progress": minidl.Progress(3, 100, 10),
        "Metric": minidl.tasks.Forecast.metrics[0],
        "Batch": sequence_parts().train.gather([0, 1]),
        "SequenceTable": minidl.data.Waves(n_sequences=9).read(),
        "SequenceParts": sequence_parts(),
        "SequenceSet": sequence_parts().train,
        "Rows": rows(),
        "Recursive": Recursive(rows(), one_step),
        "Persistence": Persistence(rows()),
        "Seasonal": Seasonal(rows(), 24),
        "Linear": Linear(rows(), Windows(values, np.arange(99), 6, 0, False)),
        "Stream": model().stream(),
        "Predictor": minidl.compiled.predictor(model()),
        "CompiledStream": minidl.compiled.predictor(model()).stream(),
        "Node": parse_text("a: [1, {b: 2}]"),
        "Place": parse_text("a: 1").place,
        "Gate": minidl.Gate("a", apart=True),
        "CheckResult": minidl.testing.run_checks(Dense(2), input_shape=(3,))[0],
        "ActivationKernel": kernel_of(minidl.TanhActivation()),
        "LayerKernel": kernel_of(Dense(2)),
        "LossKernel": kernel_of(minidl.MSE()),
    }


def configurables(base: type = Configurable) -> list[type]:
    """Every class of the library that a config can describe and that can be made."""
    own = [sub for sub in base.__subclasses__() if sub.__module__.startswith("minidl.")]
    found = [sub for sub in own if getattr(sys.modules[sub.__module__], sub.__name__, None) is sub]
    inner = [each for cls in found for each in configurables(cls)]
    return [cls for cls in found if not inspect.isabstract(cls) and cls is not Experiment and described(cls)] + inner


def described(cls: type) -> bool:
    """Whether a config can describe it; those that cannot are made with objects, in the library itself."""
    inner = {"KeepBest", "Points", "Pruning", "SaveCheckpoints", "ShowEpochs", "WriteLog", "_NoteEngine"}
    inner |= {"_Rising", "_Until", "_UntilLearned"}
    return cls.__name__ not in inner


def _configurable(cls: Any) -> Any:
    arguments: dict[str, dict[str, Any]] = {
        **{cell.__name__: {"hidden_size": 2} for cell in minidl.Cell.__subclasses__()},
        "CSVSeries": {"path": "a.csv", "target": "pm", "features": ["pm"]},
        "Change": {"column": "pm"},
        "Direction": {"column": "wind"},
        "GapMask": {"column": "pm"},
        "OneHot": {"column": "wind"},
        "Rolling": {"column": "pm", "rows": 3},
        "SameSeason": {"season": "week"},
        "ParameterGroup": {"parameters": "*", "frozen": True},
        "Published": {"source": "book", "r2": [0.5], "loss": [0.1]},
        "SGD": {"learning_rate": 0.1},
        "SumOfLosses": {"losses": [minidl.MSE(), minidl.MAE()]},
        "WeightedLeads": {"loss": minidl.MSE(), "weights": [2.0, 1.0]},
        "TailValidation": {"size": 5},
        "WindowData": {"series": minidl.data.BeijingPM25()},
        "RecurrentLayer": {"hidden_size": 2},
        "Dense": {"output_size": 2},
        "Embedding": {"symbols": 5, "output_size": 2},
        "Dropout": {"drop_rate": 0.5},
        "OnlyTable": {"table": hourly_table()},
        "Sequential": {"layers": [Dense(2), minidl.TanhActivation()]},
        "Repeat": {"layer": RecurrentLayer(3), "times": 2},
        "Residual": {"layer": RecurrentLayer(3)},
        "Rollout": {"layer": minidl.Sequential([minidl.LastStep(), Dense(1)]), "steps": 2, "target": 0},
        "Parallel": {"branches": [RecurrentLayer(2), Dense(2)]},
        "Bidirectional": {"layer": RecurrentLayer(2)},
        "SelectFeatures": {"features": [2, 0]},
        "StepsAhead": {"steps": 2},
        "ArraySequences": {"x": [np.ones((2, 1))]},
        "CSVSequences": {"path": "a.csv", "sequence": "id", "features": ["x"]},
        "NPZSequences": {"path": "a.npz", "features": ["x"]},
        "Sequences": {"source": minidl.data.Waves()},
    }
    made = cls(**arguments.get(cls.__name__, {}))
    return built(made, (4, 3)) if isinstance(made, Layer) else made


def content(value: Any, seen: tuple[int, ...] = ()) -> Any:
    """All that an object holds, as plain values, apart from where its arrays lie in memory."""
    if id(value) in seen:
        return "above"
    seen = (*seen, id(value))
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, np.random.Generator):
        return str(value.bit_generator.state)
    if isinstance(value, dict):
        return [(key, content(part, seen)) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [content(part, seen) for part in value]
    if isinstance(value, (str, int, float, bytes, Path, np.generic, np.dtype)) or value is None or callable(value):
        return getattr(value, "__qualname__", repr(value) if not hasattr(value, "__dict__") else type(value).__name__)
    own = {k: v for k, v in vars(value).items() if k not in ("_home", "_buffers", "_seen", "grads", "grad_views")}
    if isinstance(value, Workspace) or type(value).__name__ == "_Program":  # made anew
        own = {}
    return type(value).__name__, content(own, seen), content(getattr(value, "args", None), seen)


def arrays(value: Any, seen: dict[int, Any]) -> list[Any]:
    """Every array that an object reaches."""
    if id(value) in seen or callable(value):
        return []
    seen[id(value)] = value
    if isinstance(value, np.ndarray):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    own = vars(value).values() if hasattr(value, "__dict__") else ()
    return [found for part in [*parts, *own] for found in arrays(part, seen)]


@pytest.fixture(scope="module")
def examples() -> dict[str, Any]:
    return objects()


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_has_the_same_content_and_shares_no_memory(how: str, examples: dict[str, Any]) -> None:
    for name, item in examples.items():
        twin = COPIES[how](item)
        assert type(twin) is type(item), name
        assert content(twin) == content(item), name
        mine = arrays(item, {})
        for array in arrays(twin, {}):
            assert not any(np.shares_memory(array, other) for other in mine if other.size), name


def test_every_public_class_is_among_the_examples(examples: dict[str, Any]) -> None:
    modules = [minidl, minidl.training, minidl.data, minidl.forecasting, minidl.tasks]
    modules += [minidl.compiled, minidl.layers, minidl.config]
    public = {getattr(module, name) for module in modules for name in module.__all__}
    classes = {cls for cls in public if inspect.isclass(cls) and not inspect.isabstract(cls)}
    made = {type(item) for item in examples.values()}
    missing = {cls.__name__ for cls in classes if not getattr(cls, "_is_protocol", False)} - {c.__name__ for c in made}
    # Kernels of optimizers look their numbers up with functions that their authors write, which may be no module's.
    assert missing <= {"OptimizerKernel", "Splits", "Ahead", "AheadOfEach", "Filling", "Gaps"}, missing


@pytest.mark.parametrize("how", COPIES)
def test_experiments_data_and_runs_are_copied_too(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment(write_experiment(tmp_path))
    splits = experiment.load_data()
    run = Run.create(experiment)
    with pytest.raises(StorageError, match="a lock that is held cannot be copied or pickled"):
        COPIES[how](run)
    run.train(splits)
    for item in (experiment, splits, splits.gaps if hasattr(splits, "gaps") else None, run, run.predict(None, 3)):
        twin = COPIES[how](item)
        assert content(twin) == content(item)
    twin = COPIES[how](run)
    assert twin.evaluate(COPIES[how](splits)) == run.evaluate(splits)
    assert os.listdir("runs") == ["small-001"]
    x = splits.test.gather(slice(0, 3)).x
    np.testing.assert_array_equal(COPIES[how](run.predictor())(x), run.predictor()(x))
