"""Layers once more in plain loops over single numbers, to compare the library with.

Written from the equations, without a matrix product: nothing of minidl is used.
"""

from __future__ import annotations

import math

import numpy as np

FUNCTIONS = {
    "TanhActivation": (math.tanh, lambda h: 1 - h * h),
    "SigmoidActivation": (lambda a: 1 / (1 + math.exp(-a)), lambda h: h * (1 - h)),
    "ReluActivation": (lambda a: max(a, 0.0), lambda h: 1.0 if h > 0 else 0.0),
    "IdentityActivation": (lambda a: a, lambda h: 1.0),
}


def elman_forward(x, params, h_0=None, f=math.tanh):
    """h[n, t, j] = f(Σ_i x[n, t, i] W_xh[i, j] + Σ_k h[n, t-1, k] W_hh[k, j] + b_h[j])."""
    W_xh, W_hh = params["W_xh"].tolist(), params["W_hh"].tolist()
    batch, time, F = x.shape
    H = len(W_hh)
    b_h = params["b_h"].tolist() if "b_h" in params else [0.0] * H
    x = x.tolist()
    h = np.zeros((batch, time, H))
    for n in range(batch):
        before = [0.0] * H if h_0 is None else h_0[n].tolist()
        for t in range(time):
            now = []
            for j in range(H):
                a = b_h[j]
                for i in range(F):
                    a += x[n][t][i] * W_xh[i][j]
                for k in range(H):
                    a += before[k] * W_hh[k][j]
                now.append(f(a))
            h[n, t] = before = now
    return h


def elman_backward(x, h, dy, params, h_0=None, slope=lambda h: 1 - h * h):
    """{"x": dx, "W_xh": ..., ...}: dh_t = dy_t + W_hh da_{t+1}, da_t = dh_t f'(a_t), sums over n and t."""
    W_xh, W_hh = params["W_xh"].tolist(), params["W_hh"].tolist()
    batch, time, F = x.shape
    H = len(W_hh)
    dx = np.zeros(x.shape)
    grads = {name: np.zeros(value.shape) for name, value in params.items()}
    for n in range(batch):
        later = [0.0] * H
        for t in reversed(range(time)):
            if t > 0:
                before = h[n, t - 1].tolist()
            else:
                before = [0.0] * H if h_0 is None else h_0[n].tolist()
            da = []
            for j in range(H):
                dh = float(dy[n, t, j])
                for k in range(H):
                    dh += W_hh[j][k] * later[k]
                da.append(dh * slope(float(h[n, t, j])))
            for j in range(H):
                for i in range(F):
                    dx[n, t, i] += da[j] * W_xh[i][j]
                    grads["W_xh"][i, j] += float(x[n, t, i]) * da[j]
                for k in range(H):
                    grads["W_hh"][k, j] += before[k] * da[j]
                if "b_h" in grads:
                    grads["b_h"][j] += da[j]
            later = da
    return {"x": dx, **grads}


def dense_forward(x, W, b=None):
    """y[..., j] = Σ_i x[..., i] W[i, j] + b[j]."""
    rows = x.reshape(-1, len(W)).tolist()
    y = [
        [sum(r[i] * W[i, j] for i in range(len(W))) + (0 if b is None else b[j]) for j in range(W.shape[1])]
        for r in rows
    ]
    return np.array(y).reshape(*x.shape[:-1], W.shape[1])


def dense_backward(x, dy, W):
    """dx, dW and db of y = x W + b, summed over all leading axes."""
    F, H = W.shape
    dx, dW, db = np.zeros((x.size // F, F)), np.zeros((F, H)), np.zeros(H)
    for n, (r, d) in enumerate(zip(x.reshape(-1, F).tolist(), dy.reshape(-1, H).tolist(), strict=True)):
        for j in range(H):
            db[j] += d[j]
            for i in range(F):
                dW[i, j] += r[i] * d[j]
                dx[n, i] += d[j] * W[i, j]
    return dx.reshape(x.shape), dW, db


def close(actual, expected, rtol):
    """Assert equality up to `rtol` times the largest entry, the scale on which rounding errors of sums live."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * max(1e-30, float(np.abs(expected).max())))
