"""What is known of a difference: it is there, it is too small to matter, or neither.

A test that finds no difference does not show that there is none. With a smallest difference that
matters (the smallest effect size of interest, or equivalence margin), that can be shown:
two configs are equivalent where the whole interval of their difference lies within the margin.

References
----------
Schuirmann (1987), A comparison of the two one-sided tests procedure and the power approach for assessing the
equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics 15.
Lakens (2017), Equivalence tests. Social Psychological and Personality Science 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.comparison.sign_flips import LEVEL

BETTER, SLIGHTLY, EQUAL, UNKNOWN = "better", "slightly better", "equal", "no evidence"


def outcome(row: Mapping[str, Any], smallest: float | None) -> str:
    """``better``; ``slightly better``, which is less than matters; ``equal``; or ``no evidence`` of either.

    Parameters
    ----------
    row : of a pair in comparison.json.
    smallest : difference that matters, in units of the row's metric; None: any does, and nothing is equal.
    """
    found, small = row["p_adjusted"] <= LEVEL, smallest is not None and within(row, smallest)
    if found:
        return SLIGHTLY if small else BETTER
    return EQUAL if small else UNKNOWN


def within(row: Mapping[str, Any], smallest: float) -> bool:
    """Whether every interval of the difference that there is, over seeds and over both, lies within the margin."""
    intervals = [row, *([row["both"]] if row["both"] else [])]
    ends = [one[end] for one in intervals for end in ("low", "high")]
    return all(end is not None and abs(end) < smallest for end in ends)
