"""Pictures of labels and numbers for sequences: who was taken for whom, scores by class, truth against output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from minidl.plotting import style as look

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
SHOWN = 30  # classes with a number in each cell


def confusion_figure(scores: Mapping[str, Any]) -> Figure:
    """How often each class was taken for each: counts, and the share of the true class as colour.

    Parameters
    ----------
    scores : of a classification, as in ``evaluation.json``.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    names, counts = list(scores["classes"]), np.array(scores["confusion"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = min(3.6 + 0.6 * len(names), 14)
    with look.style():
        figure = look.new_figure(size + 2, size)
        ax = figure.subplots()
        image = ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for i, j in np.ndindex(counts.shape) if len(names) <= SHOWN else ():
            color = "white" if shares[i, j] > 0.6 else look.BLACK
            ax.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=color)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.set_xticks(range(len(names)), names, rotation=45 if len(names) > 4 else 0)
        ax.set_yticks(range(len(names)), names)
        ax.set_xlabel("class that the model gives")
        ax.set_ylabel("true class")
        figure.colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
        look.head(figure, f"Who was taken for whom ({counts.sum():,} in the test part)")
    return figure


def classes_figure(scores: Mapping[str, Any]) -> Figure:
    """Precision, recall and F1 of each class, with how many of it the test part has.

    Parameters
    ----------
    scores : of a classification, as in ``evaluation.json``.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    classes, width = scores["classes"], 0.26
    place = np.arange(len(classes))
    with look.style():
        figure = look.new_figure(min(4 + 1.3 * len(classes), 16), 4.8, outside=True)
        ax = figure.subplots()
        for i, (key, word, color) in enumerate(
            (("precision", "precision", look.BLUE), ("recall", "recall", look.ORANGE), ("f1", "F1", look.VERMILLION))
        ):
            values = np.array([values[key] for values in classes.values()], dtype=float)
            ax.bar(place + (i - 1) * width, values, 0.92 * width, color=color, label=word)
        ax.set_xticks(place, [f"{name}\n{values['n']:,}" for name, values in classes.items()])
        ax.set_ylim(0, 1)
        ax.grid(visible=False, axis="x")
        ax.set_xlabel("class, and how many of it the test part has")
        ax.set_ylabel("score (1 is perfect)")
        look.head(figure, "Scores of each class on the test part")
        figure.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


def truth_figure(names: Sequence[str], true: Floats, made: Floats, scores: Mapping[str, Any]) -> Figure:
    """What a model puts out against the truth, a panel for each number; on the line both are equal.

    Parameters
    ----------
    names : of the K numbers.
    true, made : (S, K), in the numbers' own units.
    scores : R² and RMSE of each number.

    Raises
    ------
    ConfigError
        matplotlib is not installed.
    """
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    with look.style():
        figure = look.new_figure(1 + 4.2 * columns, 0.8 + 4.2 * rows)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes[len(names) :]:
            ax.set_visible(False)
        for k, name in enumerate(names):
            ax, both = axes[k], np.concatenate([true[:, k], made[:, k]])
            finite = both[np.isfinite(both)]
            ends = [finite.min(), finite.max()] if len(finite) else [0, 1]
            ax.plot(ends, ends, color=look.BLACK, lw=1.2)
            ax.plot(true[:, k], made[:, k], "o", color=look.VERMILLION, ms=4, alpha=0.6, mec="none")
            ax.set_title(f"{name}: R² {scores[name]['r2']:.3f}, RMSE {scores[name]['rmse']:.3g}")
            ax.set_xlabel("truth")
            ax.set_ylabel("model")
            ax.set_aspect("equal", adjustable="datalim")
        look.head(figure, f"Truth and what the model puts out, {len(true):,} sequences of the test part")
    return figure
