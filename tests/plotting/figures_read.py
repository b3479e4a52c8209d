"""Tables to draw, and what stands in a figure."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.data import MinMaxScaler, Splits, Table, Windows
from minidl.forecasting import Rows
from minidl.training import EpochRecord

matplotlib = pytest.importorskip("matplotlib", reason="figures need matplotlib: pip install matplotlib")
mtext = pytest.importorskip("matplotlib.text")

HOUR = np.timedelta64(3600, "s")
T = 24
N_TRAIN = 10 * 24


def make_splits(n_test_days=30, *, times=True, start="2013-12-22", step=HOUR, units="µg/m³", name="pm2.5"):
    """A table of two columns, the second is the target; 10 days for training, the rest for testing."""
    n = N_TRAIN + 24 * n_test_days
    rng = np.random.default_rng(5)
    target = np.abs(np.cumsum(rng.normal(size=n))) * 10 + 3
    values = np.stack([rng.normal(size=n), target], axis=1)
    stamps = np.datetime64(start, "s") + step * np.arange(n) if times else None
    table = Table(values, stamps, ("weather", name), target_index=1, units=units)
    scale = MinMaxScaler().fit(values[:N_TRAIN])
    scaled = np.ascontiguousarray(scale.transform(values))
    train = Windows(scaled, np.arange(N_TRAIN - T), T, 1)
    test = Windows(scaled, np.arange(N_TRAIN, n - T), T, 1)
    return Splits(table, scale, scaled, train, None, test, N_TRAIN)


def scaled_rows(splits):
    return Rows(splits.values, T, 1)


def lines_of(ax):
    """{label: (x, y)} of a panel, the NaN between two strokes left out."""
    found = {}
    for line in ax.lines:
        x, y = np.asarray(line.get_xdata(orig=True)), np.asarray(line.get_ydata(orig=True), dtype=float)
        found[line.get_label()] = (x[np.isfinite(y)], y[np.isfinite(y)])
    return found


def texts_of(figure):
    figure.draw_without_rendering()
    return " | ".join(text.get_text() for text in figure.findobj(mtext.Text) if text.get_text())


def truth_at(splits, x):
    """The target at times (or rows) x, by looking each one up."""
    where = splits.table.times if splits.table.times is not None else np.arange(len(splits.table))
    by_time = dict(zip(where.tolist(), splits.table.values[:, 1].tolist(), strict=True))
    return np.array([by_time[time] for time in np.asarray(x).tolist()])


def record(epoch, train=0.1, validation=0.2, r2=0.5):
    metrics = None if r2 is None else {"r2": r2}
    return EpochRecord(epoch, 10 * epoch, train, validation, metrics, 0.05, 1.0)
