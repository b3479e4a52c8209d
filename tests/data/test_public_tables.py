"""Public tables that statsmodels carries, from file to windows: times, values, scales and scores as pandas has them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.data import CSVSeries, TailValidation, WindowData
from minidl.data.tables.looking import look_at
from minidl.forecasting import baselines, lead_scores

pytestmark = pytest.mark.slow
T, TEST, LEADS = 3, 8, 2
TABLES = {
    # the target, pandas' frequency of the rows (None: no times), and by which columns series are told apart
    "co2": ("co2", "W-SAT", []),
    "copper": ("WORLDCONSUMPTION", None, []),
    "danish_data": ("lrm", "QS", []),
    "grunfeld": ("invest", "YS", ["firm"]),
    "interest_inflation": ("R", "QS", []),
    "macrodata": ("realgdp", "QS", []),
    "nile": ("volume", "YS", []),
    "sunspots": ("SUNACTIVITY", "YS", []),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_public_table_is_read_as_pandas_reads_it(name: str, tmp_path: Path) -> None:
    pd: Any = pytest.importorskip("pandas", reason="needs pandas")
    pytest.importorskip("statsmodels", reason="needs statsmodels: pip install statsmodels")
    frame = importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data
    target, freq, by = TABLES[name]
    path = tmp_path / f"{name}.csv"
    frame.to_csv(path, index=not isinstance(frame.index, pd.RangeIndex))
    found = look_at(path, target)
    keys = {key: value for key, value in found.keys.items() if key != "path"}
    data = WindowData(CSVSeries(str(path), **keys), time_steps=T, test_size=TEST, validation=TailValidation(5))
    splits = data.load("float64")
    tables = splits.table.each()
    groups = [group for _, group in frame.groupby(by[0], sort=False)] if by else [frame]
    assert len(tables) == len(groups)
    errors: dict[int, list[float]] = {1: [], LEADS: []}
    for i, (table, group) in enumerate(zip(tables, groups, strict=True)):
        y = group[target].astype(float).reset_index(drop=True)
        known = y.notna().to_numpy()
        values = table.column(target)
        assert (table.times is None) == (freq is None)
        if table.times is not None:
            expected = pd.date_range(pd.Timestamp(table.times[0]), periods=len(y), freq=freq)
            np.testing.assert_array_equal(table.times, expected.to_numpy().astype(table.times.dtype))
        np.testing.assert_array_equal(values[known], y[known])
        np.testing.assert_allclose(values[: len(y) - TEST], y[: len(y) - TEST].interpolate(), rtol=1e-12)
        scale = splits.scale.at(np.array(i)) if by else splits.scale
        column = table.target_index
        before = y[: len(y) - TEST]
        np.testing.assert_allclose([scale.offset[column], scale.range[column]], [before.min(), np.ptp(before.dropna())])
        first = np.arange(len(y) - TEST + T, len(y) - LEADS + 1)  # rows of the first label
        for lead, errors_of in errors.items():
            errors_of += [(values[row + lead - 1] - values[row - 1]) ** 2 for row in first if known[row + lead - 1]]
    scores = lead_scores(splits, baselines(splits, "hold_last")["persistence"], LEADS)
    for lead, errors_of in errors.items():
        assert scores[str(lead)]["rmse"] == pytest.approx(np.sqrt(np.mean(errors_of)))
