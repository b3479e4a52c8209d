"""What containers hand to their layers, and the states that they hand back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from chains import forward_and_backward

from minidl import Context, Dense, LastStep, RecurrentLayer, Sequential, TanhActivation, Workspace


class TestState:
    @pytest.mark.parametrize("size", [3, 40])
    def test_the_final_states_of_all_layers_start_the_next_window(self, size):
        model = Sequential([RecurrentLayer(size), Sequential([RecurrentLayer(2), Dense(2)]), LastStep()])
        model.build(2, 0, "float64")
        x = np.random.default_rng(1).normal(size=(3, 6, 2))
        whole, _ = model.forward(x)
        _, cache = model.forward(x[:, :2])
        state = model.final_state(cache)
        assert [type(part) for part in state] == [np.ndarray, tuple, type(None)]
        second, _ = model.forward(x[:, 2:], Context(state=state))
        np.testing.assert_allclose(second, whole, rtol=1e-12)  # another block size may round differently


class TestContext:
    def test_only_the_first_layer_may_leave_out_its_input_gradient(self):
        seen = []

        class Spy(TanhActivation):
            def forward(self, x, ctx):
                seen.append((ctx.input_gradient, ctx.training, ctx.rng))
                return super().forward(x, ctx)

        rng = np.random.default_rng(0)
        model = Sequential([Sequential([Spy(), Spy()]), Spy()])
        model.build((2,), 0)
        model.forward(np.zeros((1, 2)), Context(training=True, rng=rng, input_gradient=False))
        assert seen == [(False, True, rng), (True, True, rng), (True, True, rng)]

    def test_a_workspace_that_is_lent_again_does_not_bring_the_old_context(self):
        # Contexts of children are made once for a workspace: the generator, training and the state may change.
        seen = []

        class Spy(TanhActivation):
            def forward(self, x, ctx):
                seen.append((ctx.training, ctx.rng, ctx.state, ctx.input_gradient))
                return super().forward(x, ctx)

        model = Sequential([Spy()])
        model.build((2,), 0)
        ws = Workspace()
        expected = []
        generators = [None, np.random.default_rng(0), np.random.default_rng(1)]
        # Each argument in turn is the innermost one, so that nothing else changes with it.
        arguments = [generators, (True, False), (None, 1, 2), (True, False)]
        for inner in range(len(arguments)):
            order = [*range(inner), *range(inner + 1, len(arguments)), inner]
            for values in itertools.product(*(arguments[k] for k in order)):
                rng, training, state, wanted = (values[order.index(k)] for k in range(len(arguments)))
                model.forward(np.zeros((1, 2)), Context(training, rng, None if state is None else (state,), ws, wanted))
                expected.append((training, rng, state, wanted))
        assert seen == expected

    def test_one_workspace_can_be_lent_to_two_stacks_in_turn(self):
        # Catches a plan of one stack that is used for another: fewer layers, no bias, other sizes.
        models = [
            Sequential([RecurrentLayer(2, bias=False), RecurrentLayer(2, bias=False), LastStep(), Dense(1)]),
            Sequential([RecurrentLayer(2), LastStep(), Dense(1)]),
            Sequential([RecurrentLayer(4), RecurrentLayer(40), LastStep(), Dense(3)]),
        ]
        x = np.random.default_rng(1).normal(size=(3, 5, 2))
        ctx = Context(workspace=Workspace())
        for model in models:
            model.build(2, 0, "float64")
        for model in models * 2:
            got, expected = forward_and_backward(model, x, ctx), forward_and_backward(model, x)
            for name, value in expected.items():
                np.testing.assert_array_equal(got[name], value)

    def test_gradients_are_the_same_without_the_input_gradient(self):
        model = Sequential([RecurrentLayer(3), RecurrentLayer(33), LastStep(), Dense(1)])
        model.build(2, 0, "float64")
        x = np.random.default_rng(1).normal(size=(3, 4, 2))
        expected = forward_and_backward(model, x)
        got = forward_and_backward(model, x, Context(input_gradient=False))
        assert got.pop("dx") is None
        for name, value in got.items():
            np.testing.assert_array_equal(value, expected[name])
