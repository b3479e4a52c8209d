"""One training step of the textbook's two-layer net, equation by equation, in plain floats.

The numbers in brackets are those of chapter 19.6. Its letters: U and Q are the
input weights of the two hidden layers, W1 and W2 their recurrent weights, V the
output weights; h is before tanh and s after it, z before the identity and a
after it. Two windows of three steps, two features; hidden sizes 2 and 2; no bias.
Equations 19 to 22 hold for one step: the sums over time are written out here.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from minidl import SGD, Context, Dense, HalfMSE, LastStep, RecurrentLayer, Sequential, Workspace

X = [
    [[0.10, -0.20], [0.30, 0.40], [-0.50, 0.60]],
    [[0.70, 0.05], [-0.15, 0.25], [0.35, -0.45]],
]
Y = [0.30, -0.40]
WEIGHTS = {
    "U": [[0.50, -0.30], [0.20, 0.70]],
    "W1": [[0.10, 0.40], [-0.60, 0.30]],
    "Q": [[0.80, -0.10], [0.25, 0.55]],
    "W2": [[-0.35, 0.15], [0.45, 0.65]],
    "V": [[0.90], [-0.75]],
}
NAMES = {"U": "0.W_xh", "W1": "0.W_hh", "Q": "1.W_xh", "W2": "1.W_hh", "V": "3.W"}
LEARNING_RATE = 0.05
TAU = 3  # time steps
UNITS = range(2)


def states_by_hand(x):
    """What both hidden layers give to a window x, after tanh: s[t] belongs to step t."""
    U, W1, Q, W2 = (WEIGHTS[name] for name in ("U", "W1", "Q", "W2"))
    s1, s2 = [[0.0, 0.0]], [[0.0, 0.0]]  # s[0] is the zero before the first step
    for t in range(1, TAU + 1):
        # (1) at the first step, where s1[0] is zero; (3) at the later ones
        h1 = [sum(x[t - 1][i] * U[i][j] for i in UNITS) + sum(s1[t - 1][k] * W1[k][j] for k in UNITS)
              for j in UNITS]  # fmt: skip
        s1.append([math.tanh(h) for h in h1])  # (5)
        # (2) at the first step, (4) at the later ones
        h2 = [sum(s1[t][i] * Q[i][j] for i in UNITS) + sum(s2[t - 1][k] * W2[k][j] for k in UNITS)
              for j in UNITS]  # fmt: skip
        s2.append([math.tanh(h) for h in h2])  # (6)
    return s1, s2


def step_by_hand(*, drop_dh2_q_at_inner_steps=False, flip_sign_of=None, forget_the_sum_of=None):
    """Loss, gradients and new weights; the arguments plant one fault each."""
    W1, Q, W2, V = (WEIGHTS[name] for name in ("W1", "Q", "W2", "V"))
    grads = {name: [[0.0] * len(row) for row in matrix] for name, matrix in WEIGHTS.items()}
    total = 0.0
    for x, y in zip(X, Y, strict=True):
        s1, s2 = states_by_hand(x)
        z = s2[TAU][0] * V[0][0] + s2[TAU][1] * V[1][0]  # (7)
        a = z  # (8)
        total += 0.5 * (a - y) ** 2  # (9)

        dz = (a - y) / len(X)  # (10), as the loss is the mean over the windows
        for j in UNITS:
            grads["V"][j][0] += s2[TAU][j] * dz  # (11); nothing at the other steps, by (14) and (16)
        dh1, dh2 = [[0.0, 0.0]] * (TAU + 2), [[0.0, 0.0]] * (TAU + 2)
        dh2[TAU] = [dz * V[j][0] * (1 - s2[TAU][j] ** 2) for j in UNITS]  # (12)
        dh1[TAU] = [sum(dh2[TAU][k] * Q[j][k] for k in UNITS) * (1 - s1[TAU][j] ** 2) for j in UNITS]  # (13)
        for t in range(TAU - 1, 0, -1):
            dh2[t] = [sum(dh2[t + 1][k] * W2[j][k] for k in UNITS) * (1 - s2[t][j] ** 2) for j in UNITS]  # (15)
            from_above = 0.0 if drop_dh2_q_at_inner_steps else 1.0
            dh1[t] = [
                (sum(dh1[t + 1][k] * W1[j][k] for k in UNITS)
                 + from_above * sum(dh2[t][k] * Q[j][k] for k in UNITS)) * (1 - s1[t][j] ** 2)
                for j in UNITS
            ]  # (17)  # fmt: skip
        for t in range(1, TAU + 1):
            for i in UNITS:
                for j in UNITS:
                    grads["W1"][i][j] += s1[t - 1][i] * dh1[t][j]  # (19), and (18) as s1[0] is zero
                    grads["W2"][i][j] += s2[t - 1][i] * dh2[t][j]  # (20), and (18) as s2[0] is zero
                    if forget_the_sum_of != "Q" or t == TAU:
                        grads["Q"][i][j] += s1[t][i] * dh2[t][j]  # (21)
                    if forget_the_sum_of != "U" or t == TAU:
                        grads["U"][i][j] += x[t - 1][i] * dh1[t][j]  # (22)
    if flip_sign_of:
        grads[flip_sign_of] = [[-g for g in row] for row in grads[flip_sign_of]]
    new = {
        name: [[w - LEARNING_RATE * g for w, g in zip(*rows, strict=True)]
               for rows in zip(WEIGHTS[name], grads[name], strict=True)]
        for name in WEIGHTS
    }  # fmt: skip
    return total / len(X), grads, new


def step_by_minidl(workspace=None):
    """The same from the library, with its parameters in one flat vector as the trainer keeps them."""
    layers = [RecurrentLayer(2, bias=False), RecurrentLayer(2, bias=False), LastStep(), Dense(1, bias=False)]
    model = Sequential(layers)
    model.build(2, 0, "float64")
    flat = np.concatenate([np.ravel(WEIGHTS[letter]) for letter in NAMES])
    views, at = {}, 0
    for letter, name in NAMES.items():
        shape = np.shape(WEIGHTS[letter])
        views[name] = flat[at : at + math.prod(shape)].reshape(shape)
        at += math.prod(shape)
    assert {name: value.shape for name, value in model.params.items()} == {n: v.shape for n, v in views.items()}
    model.bind(views)

    y, cache = model.forward(np.array(X), Context(workspace=workspace, input_gradient=False))
    loss, dy = HalfMSE()(y, np.array(Y)[:, np.newaxis])
    _, grads = model.backward(dy, cache)
    kept = {letter: grads[name].copy() for letter, name in NAMES.items()}
    optimizer = SGD(LEARNING_RATE)
    state = optimizer.start(flat)
    optimizer.update(flat, np.concatenate([grads[name].ravel() for name in NAMES.values()]), state)
    return loss, kept, {letter: views[name] for letter, name in NAMES.items()}


@pytest.mark.parametrize("workspace", [None, Workspace()], ids=["without a workspace", "with one"])
def test_loss_gradients_and_new_weights_equal_the_hand_computation(workspace):
    # float64 has 16 digits; a dozen sums and products of numbers below 1 leave 1e-12 with room.
    for _ in range(2):  # the second time with used buffers
        loss, grads, weights = step_by_minidl(workspace)
        expected_loss, expected_grads, expected_weights = step_by_hand()
        assert abs(loss - expected_loss) < 1e-12
        for letter in NAMES:
            np.testing.assert_allclose(grads[letter], expected_grads[letter], rtol=0, atol=1e-12, err_msg="d" + letter)
            np.testing.assert_allclose(weights[letter], expected_weights[letter], rtol=0, atol=1e-12, err_msg=letter)


def differing(**fault):
    """The letters whose gradients tell the faulty hand computation from minidl's, by a clear margin."""
    _, grads, _ = step_by_minidl()
    _, wrong, _ = step_by_hand(**fault)
    return {letter for letter in NAMES if np.abs(grads[letter] - wrong[letter]).max() > 1e-4}


def test_dropping_dh2_times_q_at_inner_steps_would_be_seen():
    # The fault of the chapter's sister program: it spoils the gradients of the first layer only.
    assert differing(drop_dh2_q_at_inner_steps=True) == {"U", "W1"}


@pytest.mark.parametrize("letter", NAMES)
def test_one_flipped_sign_would_be_seen(letter):
    assert differing(flip_sign_of=letter) == {letter}


@pytest.mark.parametrize("letter", ["Q", "U"])
def test_a_forgotten_sum_over_time_would_be_seen(letter):
    assert differing(forget_the_sum_of=letter) == {letter}


def test_the_hand_computation_is_itself_right_by_differences_of_its_loss():
    # So that the two cannot be wrong together: only equations 1 to 9 enter here. Step 1e-6, error about 1e-10.
    _, grads, _ = step_by_hand()
    for letter, matrix in WEIGHTS.items():
        for i, row in enumerate(matrix):
            for j, value in enumerate(row):
                losses = []
                for sign in (1, -1):
                    row[j] = value + sign * 1e-6
                    losses.append(step_by_hand()[0])
                    row[j] = value
                assert abs((losses[0] - losses[1]) / 2e-6 - grads[letter][i][j]) < 1e-9
