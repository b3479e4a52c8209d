"""Scores to draw."""

from __future__ import annotations

import pytest


def lead_scores_of(value):
    return {str(lead): {"loss": 0.1, "r2": 0.5, "mae": value + lead, "rmse": 2 * value + lead} for lead in range(1, 9)}


@pytest.fixture
def scores():
    baselines = {"persistence": 5.0, "seasonal_24h": 30.0, "linear": 4.9}
    return {
        "lead": lead_scores_of(3.0),
        "baselines": {name: {"lead": lead_scores_of(value)} for name, value in baselines.items()},
        "parameters": 26,
        "units": "µg/m³",
    }
