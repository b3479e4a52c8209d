"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The same examples in every run: a red suite is red again when it is looked at.
# No deadline and no check for slowness: nothing here measures time. No database: a run leaves no files behind.
settings.register_profile(
    "minidl",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("minidl")
