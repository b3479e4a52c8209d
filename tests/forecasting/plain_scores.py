"""Scores by the definitions, in plain loops over the test hours."""

from __future__ import annotations

import math
from collections.abc import Callable

from weighted import TEST, WEIGHTS, T

from minidl.data import Splits


def single(window: list[list[float]]) -> float:
    return math.tanh(0.4 * sum(WEIGHTS[t][f] * window[t][f] for t in range(T) for f in range(3)))


class Naive:
    """The test hours by the definitions; nothing of minidl but the fitted scaling's two numbers is used."""

    def __init__(self, parts: Splits) -> None:
        values = parts.table.values
        train = values[: len(values) - TEST]
        low, high = train.min(axis=0), train.max(axis=0)
        self.scaled = ((values - low) / (high - low)).tolist()
        self.raw = values.tolist()
        self.target = parts.table.target_index
        self.low, self.range = float(low[self.target]), float((high - low)[self.target])
        # A part of n hours has n - T windows; the target of the window of hours i ... i + T - 1 is that of hour i + T.
        self.starts = list(range(len(values) - TEST, len(values) - T))

    def recursive(self, start: int, horizon: int, predict: Callable[[list[list[float]]], float]) -> list[float]:
        made: list[float] = []
        for j in range(horizon):
            window = [list(row) for row in self.scaled[start + j : start + j + T]]
            for back in range(1, j + 1):
                if back <= T:
                    window[-back][self.target] = made[j - back]
            made.append(predict(window))
        return made

    def scores(self, pairs: list[tuple[float, int]]) -> dict[str, float]:
        """Of scaled forecasts and the rows that they are for."""
        y = [forecast for forecast, _ in pairs]
        a = [self.scaled[row][self.target] for _, row in pairs]
        n, mean = len(pairs), sum(a) / len(a)
        mse = sum((p - q) ** 2 for p, q in zip(y, a, strict=True)) / n
        variance = sum((q - mean) ** 2 for q in a) / n
        units = [
            forecast * self.range + self.low - self.raw[row][self.target] for forecast, row in pairs
        ]  # errors in µg/m³
        return {
            "loss": mse / 2,
            "r2": 1 - mse / variance,
            "mae": sum(map(abs, units)) / n,
            "rmse": math.sqrt(sum(e * e for e in units) / n),
        }

    def block(self, k: int, forecast: Callable[[int, int], list[float]]) -> dict[str, float]:
        pairs = []
        for b in range(len(self.starts) // k):
            first = self.starts[b * k]
            pairs += [(value, first + j + T) for j, value in enumerate(forecast(first, k))]
        return self.scores(pairs)

    def lead(self, k: int, forecast: Callable[[int, int], list[float]]) -> dict[str, dict[str, float]]:
        last_row = self.starts[-1] + T
        origins = [start for start in self.starts if start + T + k - 1 <= last_row]
        made = {start: forecast(start, k) for start in origins}
        return {str(j + 1): self.scores([(made[start][j], start + T + j) for start in origins]) for j in range(k)}


def naive_forecasts(naive: Naive) -> dict[str, Callable[[int, int], list[float]]]:
    def seasonal(start: int, k: int) -> list[float]:
        return [naive.scaled[start + T + j - 24][naive.target] for j in range(k)]  # k <= 24

    return {
        "model": lambda start, k: naive.recursive(start, k, single),
        "persistence": lambda start, k: [naive.scaled[start + T - 1][naive.target]] * k,
        "seasonal_24h": seasonal,
    }
