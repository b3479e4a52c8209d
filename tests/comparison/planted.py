"""Scores of runs that never were, with a truth that is known: how often does a comparison find it?

Run as a program it measures the coverage of intervals, and draws it for the page on comparing.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.comparison.both_sources import over_both
from minidl.comparison.statistics import compare_pairs
from minidl.metrics import mean_of_sums

Values = npt.NDArray[np.float64]
STEPS, STRETCHES, TRUE = 1024, 16, 0.3
# The share of a mean difference's variance that comes from the test part; φ of its errors, by how long they last.
SHARES, MEMORY = (0.0, 0.5, 0.9), {"independent errors": 0.0, "1/20 stretch": 0.65, "1/5 stretch": 0.92}
REPEATS = 500


def errors(rng: np.random.Generator, shape: tuple[int, ...], phi: float) -> Values:
    """Means over stretches of x_t = φ x_{t-1} + e_t, scaled so that the mean over all steps has about variance 1."""
    from scipy.signal import lfilter

    e = rng.standard_normal((*shape, STEPS + 100))
    x = lfilter([1], [1, -phi], e, axis=-1)[..., 100:] * (1 - phi) * np.sqrt(STEPS)
    means: Values = x.reshape(*shape, STRETCHES, -1).mean(axis=-1)
    return means


def sums_of(means: Values) -> Values:
    """Sums (..., G, 2) with these means over stretches (..., G)."""
    n = np.full(means.shape, STEPS / STRETCHES)
    return np.stack([n, n * means], axis=-1)


def pair(rng: np.random.Generator, seeds: int, share: float, phi: float, mean: float = TRUE) -> tuple[Values, Values]:
    """Sums of two configs; the mean difference has the true value `mean` and, over seeds and test part, variance 1."""
    of_seed = rng.standard_normal((seeds, 1)) * np.sqrt((1 - share) * seeds)
    of_step = errors(rng, (1,), phi) * np.sqrt(0.8 * share)
    of_both = errors(rng, (seeds,), phi) * np.sqrt(0.2 * share * seeds)
    hard = errors(rng, (1,), phi) * 5  # what is hard for both alike, which pairs take out
    return sums_of(np.broadcast_to(hard, of_both.shape)), sums_of(hard + mean + of_seed + of_step + of_both)


def coverage(seeds: int, share: float, phi: float, repeats: int = REPEATS) -> tuple[float, float]:
    """How often the intervals over both sources, and over seeds alone, hold the true mean."""
    rng, both, alone = np.random.default_rng([seeds, int(100 * share), int(100 * phi)]), 0, 0
    for _ in range(repeats):
        one, other = pair(rng, seeds, share, phi)
        found = over_both(one, other, mean_of_sums)
        assert found is not None
        both += found.low <= TRUE <= found.high
        of_seeds = compare_pairs(*(mean_of_sums(sums.sum(axis=1)) for sums in (one, other)))
        alone += of_seeds.low <= TRUE <= of_seeds.high
    return both / repeats, alone / repeats


Found = dict[int, dict[str, list[tuple[float, float]]]]  # by number of seeds and memory, for each share


def measure() -> Found:
    """All coverages of the picture."""
    return {n: {w: [coverage(n, s, phi) for s in SHARES] for w, phi in MEMORY.items()} for n in (6, 10, 30)}


def draw(found: Found, path: str) -> None:
    """Coverage by share and memory, a panel for each number of seeds."""
    from minidl.plotting import style as look

    with look.style():
        figure = look.new_figure(9, 4)
        figure.set_layout_engine("constrained")
        axes: Any = figure.subplots(1, len(found), sharey=True)
        for ax, (n, by_memory) in zip(axes, found.items(), strict=True):
            for (words, pairs), color in zip(by_memory.items(), look.COLORS, strict=False):
                ax.plot(SHARES, [100 * both for both, _ in pairs], "o-", color=color, label=f"both, {words}")
                ax.plot(SHARES, [100 * alone for _, alone in pairs], "x--", color=color, label=f"seeds, {words}")
            ax.axhline(95, color=look.BLACK, lw=1)
            ax.set_title(f"{n} seeds")
            ax.set_xlabel("test part's share\nof the variance")
        axes[0].set_ylabel("intervals that hold\nthe truth, %")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
        figure.savefig(path, dpi=110)


if __name__ == "__main__":
    draw(measure(), sys.argv[1])
