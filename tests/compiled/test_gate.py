"""Nothing reaches compiled code unchecked: targets, inputs, windows and forecasts."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import X, Y, built, trainer, windows

from minidl import Dense, MinidlError, ShapeError
from minidl.compiled import predictor
from minidl.compiled.engine import CompiledEngine
from minidl.compiled.gate import own
from minidl.training import Arrays


@pytest.mark.parametrize(
    "y",
    [
        Y[:39],
        Y[:3],
        np.concatenate([Y, Y]),
        Y[:, :, None],
        np.concatenate([Y, Y], 1),
        np.zeros((40, 0)),
        np.zeros((0, 1)),
        np.float64(1),
    ],
    ids=lambda y: str(np.shape(y)),
)
def test_targets_of_another_length_or_shape_are_refused_before_the_first_step(y):
    one = trainer(built(), engine=CompiledEngine())
    before = one.parameters.values.copy()
    with pytest.raises(ShapeError):
        one.run(Arrays(X, np.asarray(y)))
    assert np.array_equal(one.parameters.values, before)
    assert one.step == 0


def test_targets_may_lack_the_axis_of_the_single_output_in_both_engines():
    for engine in (None, CompiledEngine()):
        pair = [trainer(built(), engine=engine) for _ in range(2)]
        pair[0].run(Arrays(X, Y))
        pair[1].run(Arrays(X.tolist(), Y[:, 0].tolist()))
        assert pair[0].parameters.values.tobytes() == pair[1].parameters.values.tobytes()


def test_a_target_of_another_shape_is_refused_in_the_same_words_by_both_engines():
    for shape in ((40, 2), (40, 1, 1), (40, 6, 1)):
        lines = []
        for engine in (None, CompiledEngine()):
            with pytest.raises(ShapeError) as caught:
                trainer(built(), engine=engine, batch_size=40).run(Arrays(X, np.zeros(shape)))
            lines.append(str(caught.value))
        wanted = f"y: targets have shape {shape[1:]} an example, but the model's output has (1,)."
        assert lines[0] == lines[1] == wanted


@pytest.mark.parametrize("x", [X[:, :, :2], X[:, 0], X[:, :0], X[:, :, :, None]], ids=lambda x: str(x.shape))
def test_inputs_of_another_shape_are_refused_by_both_engines(x):
    for engine in (None, CompiledEngine()):
        with pytest.raises(ShapeError, match=r"RecurrentLayer: expected x of shape|^x: .* not empty, got"):
            trainer(built(), engine=engine).run(Arrays(x, Y))


@pytest.mark.parametrize("damage", ["starts", "float places", "values"])
def test_windows_that_were_changed_to_lie_outside_their_rows_are_refused(damage):
    source = windows(64)
    if damage == "starts":
        source.starts[5] = 10**6
    elif damage == "float places":
        source.starts[5] = -1
    else:
        object.__setattr__(source, "values", source.values[:30])
    with pytest.raises(ShapeError, match="do not lie within"):
        trainer(built(), engine=CompiledEngine(), shuffle=False, batch_size=64).run(source)


@pytest.mark.parametrize("kind", [">f8", "f2", "i8", "u1", "?"])
def test_numbers_of_any_type_order_and_stride_train_the_same(kind):
    x = (10 * X).astype(kind)
    wide = np.repeat(x, 2, axis=2)[..., ::2]
    results = []
    for engine in (None, CompiledEngine()):
        one = trainer(built(), engine=engine)
        one.run(Arrays(wide, (10 * Y).astype(kind)))
        results.append(one.parameters.values)
    np.testing.assert_allclose(results[1], results[0], rtol=1e-10)


@pytest.mark.parametrize("bad", [np.array([["1.5"]] * 40), np.ones((40, 1), complex), np.array([[None]] * 40)])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(MinidlError):
        trainer(built(), engine=CompiledEngine()).run(Arrays(X, bad))


@pytest.mark.parametrize(
    "array", [np.ones(5), np.ones(6, "f4"), np.ones(6, ">f8"), np.ones(12)[::2], np.ones((6, 1)), None]
)
def test_what_compiled_code_writes_to_must_be_exactly_of_that_type_and_size(array):
    own(np.ones(6), np.float64, 6, "m")
    with pytest.raises(ShapeError, match="m: expected 6 numbers of type float64 in one piece, got "):
        own(array, np.float64, 6, "m")
    locked = np.ones(6)
    locked.flags.writeable = False
    with pytest.raises(ShapeError):
        own(locked, np.float64, 6, "m")


class TestForecasts:
    """Each case with both predictors: what one refuses, the other refuses."""

    def predictors(self):
        model = built()
        return predictor(model), predictor_of_numpy(model)

    @pytest.mark.parametrize(
        "x", [X[:0], X[0, :0], X[:, :0], X[..., :2], X[0, 0], 1.0, X[None]], ids=lambda x: str(np.shape(x))
    )
    def test_a_window_of_another_shape_is_a_shape_error(self, x):
        for predict in self.predictors():
            with pytest.raises(ShapeError):
                predict(x)

    def test_lists_integers_and_strided_arrays_are_taken(self):
        compiled, numpy = self.predictors()
        for x in (X[:5].tolist(), (10 * X[:5]).astype(int), np.asfortranarray(X[:5]), X[:5].astype(">f8"), X[::-1]):
            np.testing.assert_allclose(compiled(x), numpy(x), rtol=1e-12)
            np.testing.assert_allclose(compiled(x[0]), numpy(x[0]), rtol=1e-12)

    @pytest.mark.parametrize("x", [np.full((6, 3), "1.0"), np.ones((6, 3), complex), np.array([[None] * 3] * 6), "abc"])
    def test_what_is_no_number_is_refused(self, x):
        for predict in self.predictors():
            predict(X[0])
            with pytest.raises(MinidlError):
                predict(x)

    @pytest.mark.parametrize("batch", [1, 4])
    @pytest.mark.parametrize("shape", [(1,), (4,), (1, 1), (4, 1), (2, 3), (4, 3, 1), (1, 4, 3), (), (0,), (0, 3)])
    def test_a_step_of_another_shape_is_a_shape_error(self, batch, shape):
        for predict in self.predictors():
            with pytest.raises(ShapeError):
                predict.stream(batch=batch)(np.ones(shape))

    def test_a_step_for_several_sequences_is_not_one_row_for_all(self):
        for predict in self.predictors():
            with pytest.raises(ShapeError, match=r"stream: expected x of shape \(4, features\), got \(3,\)"):
                predict.stream(batch=4)(np.ones(3))

    @pytest.mark.parametrize(
        "state", [(np.ones((1, 1)), None, None), (np.ones((2, 4)), None, None), (np.ones(4), None, None)]
    )
    def test_a_state_of_another_shape_is_a_shape_error(self, state):
        for predict in self.predictors():
            with pytest.raises(ShapeError, match=r"RecurrentLayer: expected a start state of shape \(1, 4\)"):
                predict.stream(state)(np.ones(3))

    def test_the_model_may_change_afterwards(self):
        model = built()
        predict, expected = predictor(model), model(X)
        model.layers.append(Dense(2))
        model.build((6, 3), 9)
        np.testing.assert_allclose(predict(X), expected, rtol=1e-12)


def predictor_of_numpy(model):
    from minidl.compiled.prediction import NumpyPredictor

    return NumpyPredictor(model, "numpy")
