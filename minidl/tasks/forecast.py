"""Forecasts of a column, or of several, row after row: the task of a config that names no other."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ConfigError
from minidl.core.later_rows import later_rows
from minidl.core.layer import Array, Layer, Shape
from minidl.core.registry import register
from minidl.core.text import printable
from minidl.data import ScaleFit, Splits
from minidl.data.known_ahead import with_later
from minidl.data.steps import ahead_short
from minidl.forecasting import Covariates, Rival, check_covariates, forecast_ahead, model_next_rows
from minidl.forecasting.intervals import INTERVAL_METRICS
from minidl.forecasting.outside import read_outside
from minidl.metrics import Metric, r2_of_sums, root_of_sums
from minidl.randomness import Streams
from minidl.tasks.forecast_figures import forecast_figures, score_figures
from minidl.tasks.forecast_scores import ForecastScores
from minidl.tasks.forecast_terms import ForecastTerms
from minidl.tasks.intervals import Intervals
from minidl.tasks.points import Points
from minidl.tasks.protocols import Prediction, Scores, Setting, Stretches
from minidl.tasks.published import Published
from minidl.tasks.series_data import check_furthest, check_horizon, check_leads, check_step, window_data
from minidl.tasks.several_targets import (
    Protocols,
    SeveralScores,
    check_targets,
    check_width,
    interval_tables,
    losing_on_targets,
    mean_r2,
)
from minidl.tasks.task import Task, check_looks_back
from minidl.training.selection import joined

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@register
@dataclass(eq=False)
class Forecast(Task):
    """A column of a series, row after row: the task of a config that names no other.

    What the model puts out says how. One number is the next row's, and is fed back for the rows after it (recursive).
    As many as the largest horizon are one for each lead (direct). Fewer are fed back together. Of K targets it puts
    out K numbers for the next row, or for each lead, those of a row side by side; see `minidl.tasks.several_targets`.

    Parameters
    ----------
    horizons : rows ahead of the block scores; lead scores go from 1 to the largest.
    checkpoint : which weights are scored, ``last`` or ``best`` (lowest validation loss).
    published : scores from elsewhere to print beside; None: none.
    future_covariates : what forecasts that are fed back, and models that read later rows, are given for the
        other columns of rows that have not come yet: ``hold_last``, the values of the last known
        row; ``same_hour_yesterday``, the latest known ones of the same time of day; ``actual``, their true
        values, as in the textbook, which no real forecast has: ``minidl predict`` keeps the last ones.
    rivals : forecasts by other means, to stand in the same tables.
    intervals : of a direct model with the loss `Quantile` or `GaussianNLL`; None: points alone are scored.
    """

    horizons: Annotated[list[PositiveInt], Meta(min_length=1)] = field(default_factory=lambda: [8, 4, 2, 1])
    published: Published | None = None
    future_covariates: Covariates = "hold_last"
    rivals: list[Rival] = field(default_factory=list)
    intervals: Intervals | None = None
    _margins: Any = field(init=False, repr=False, default=None)  # of intervals, for predictions; see `recalled`
    _n_targets: int = field(init=False, repr=False, default=1)  # as `check` finds it

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("r2", "R²", True, undefined="the target is constant", of_sums=r2_of_sums),
        Metric("rmse", "RMSE", False, digits=2, in_units=True, of_sums=root_of_sums),
        Metric("mae", "MAE", False, digits=2, in_units=True),
        Metric("loss", "loss", False, digits=6, about="½·MSE, scaled"),
    )
    reported: ClassVar[tuple[str, ...]] = ("r2", "loss", "rmse")
    tables: ClassVar[tuple[str, ...]] = ("block", "lead")
    reference: ClassVar[str] = "persistence"
    needs_file: ClassVar[bool] = False
    examples: ClassVar[str] = "windows"
    broken_hint: ClassVar[str] = (
        "the model's own forecasts, fed back, grow beyond all numbers. "
        "Try a smaller learning rate, or a bounded activation."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.intervals is not None:
            self.metrics = (*self.metrics, *INTERVAL_METRICS)  # type: ignore[misc]
            self.reported = (*self.reported, "crps")  # type: ignore[misc]
        if len(set(self.horizons)) < len(self.horizons):
            raise ConfigError(f"Forecast: horizons: expected different numbers, got {self.horizons}.")
        names = [rival.name for rival in self.rivals]
        if len(set(names)) < len(names):
            raise ConfigError(f"Forecast: rivals: expected different ones, got {', '.join(names)}.")
        if self.published is not None:
            self.published.check(len(self.horizons))

    def check(self, experiment: Setting) -> None:
        """Forecasts need windows of a series, and as many of them as the largest horizon."""
        data = window_data(experiment.data)
        super().check(experiment)
        if experiment.loss.labels:
            loss = type(experiment.loss).__name__
            raise ConfigError(f"loss: Forecast learns numbers; {loss} is a loss of class labels (minidl list losses).")
        self._n_targets = check_targets(self, experiment)
        if self.intervals is not None:
            self.intervals.check(experiment)
        check_furthest(max(self.horizons), data)

    def check_output(self, output: Shape, experiment: Setting) -> None:
        """One number, or one for each lead, at the last or at every time step."""
        check_looks_back(experiment.model, output, "where labels at every step stand; leave it out, or take LastStep")
        furthest = max(self.horizons)
        if self._n_targets > 1:
            check_width(output, window_data(experiment.data).series.targets, furthest, experiment.model)
        else:
            check_leads(output, furthest)
        if self.intervals is not None:
            self.intervals.check_leads((output[-1] or 0) // self._n_targets, furthest)

    def load(self, experiment: Setting, output: Shape) -> Splits:
        """Windows of the series with as many labels as the model puts out leads, at every step if it does so there."""
        data, rng = window_data(experiment.data), Streams.from_seed(experiment.seed).sampling
        leads = (output[-1] or 0) // experiment.loss.per_target // self._n_targets
        later: Any = {"later_rows": later_rows(experiment.model), "covariates": self.future_covariates}
        splits = data.load(experiment.dtype, rng, every_step=len(output) == 2, leads=leads, **later)
        if experiment.training.refit and splits.validation is not None:
            both: Any = joined(splits.train, splits.validation)  # Windows of Windows
            splits = replace(splits, refit=both)
        check_covariates(splits, self.future_covariates)
        for rival in self.rivals:
            rival.check(splits)
        if self.intervals is not None:
            self.intervals.check_parts(splits.of_targets())
        return splits

    def validate(
        self, y: Array, target: Array, lengths: Array | None = None, weight: Array | None = None
    ) -> dict[str, float]:
        """R² of all leads that are forecast at once, together; the mean over the targets.

        Labels that count nothing are left out.
        """
        return {"r2": mean_r2(y, target, weight, self._n_targets)}

    def validated(self, parts: Any) -> str:
        """``one step ahead``, or how many leads together, and of how many targets if they are several."""
        leads = "one step ahead" if parts.leads == 1 else f"{parts.leads} leads together"
        return f"{leads}, mean over {self._n_targets} targets" if self._n_targets > 1 else leads

    def rows(self) -> Sequence[str]:
        """The horizons."""
        return [str(k) for k in self.horizons]

    def row_words(self, row: str, parts: Any) -> str:
        """``blocks of 8 h``."""
        return f"blocks of {ahead_short(int(row), parts.table.step_name())}"

    def terms(self) -> ForecastTerms:
        """Horizons, the protocol's shortcuts, errors by lead, two runs over time."""
        return ForecastTerms(self)

    def beside(self, metric: str) -> tuple[str, Sequence[float]] | None:
        """What was published."""
        found = getattr(self.published, metric, None)
        return None if self.published is None or found is None else (self.published.source, found)

    def evaluate(self, parts: Any, model: Layer) -> Scores:
        """Block scores of every horizon and lead scores up to the largest.

        Raises
        ------
        DataError
            The test part is shorter than the largest horizon, or nothing is known of a lead.
        """
        return self.protocol(parts).evaluation(model)

    def protocol(self, splits: Splits) -> Protocols:
        """How forecasts of these data are scored, of one target or of several."""
        if not splits.table.targets:
            return self.scores_on(splits)
        return SeveralScores({one.table.target_name: self.scores_on(one) for one in splits.of_targets()})

    def scores_on(self, splits: Splits) -> ForecastScores:
        """How forecasts of one target are scored: of these data, or of one of `Splits.of_targets`."""
        return ForecastScores(splits, self.horizons, self.future_covariates, self.rivals, self.intervals)

    def tables_of(self, splits: Splits, model: Layer) -> dict[str, Any]:
        """A model's block and lead scores, those of intervals among them if there are any."""
        return self.protocol(splits).tables_of(model)

    def margins(self, splits: Splits, model: Layer) -> Any:
        """By lead, of a scored model's calibrated intervals, of each target; None: there are none."""
        return self.protocol(splits).margins_of(model)

    def stretches(self, parts: Any, model: Layer) -> Stretches:
        """Of blocks, none of which is cut."""
        return self.protocol(parts).sums_of(model)

    def details(self, scores: Scores) -> list[list[str]]:
        """Intervals by lead."""
        return interval_tables(scores)

    def apart(self, scores: Scores) -> Sequence[tuple[str, Sequence[str], Scores]]:
        """Of several targets R² together, and R² and RMSE of each."""
        if "targets" not in scores:
            return super().apart(scores)
        shown = "r2", "rmse", *["crps"] * (self.intervals is not None)
        each = [(f"{name}: ", shown, own) for name, own in scores["targets"].items()]
        return [("all targets: ", ("r2",), scores), *each]

    def outside(self, path: Path, parts: Any) -> tuple[Scores, Stretches]:
        """Scores of forecasts from a CSV file; see `minidl.forecasting.outside`."""
        return self.protocol(parts).of_points(read_outside(path, parts, self.horizons))

    def losing_words(self, parts: Any, scores: Mapping[str, Any], rounding: float) -> str:
        """By RMSE of blocks, which is defined where R² is not; of each target."""
        return losing_on_targets(scores, self.rows(), parts.table.step_name(), rounding)

    def draw_outputs(self, model: Layer, parts: Any) -> dict[str, Figure]:
        """Forecast against truth, of each target."""
        return forecast_figures(self, model, parts)

    def draw(self, model: Layer, parts: Any, scores: Scores) -> dict[str, Figure]:
        """Error by lead, and intervals if there are any; of each target."""
        return score_figures(self, model, parts, scores)

    def recalled(self, scores: Callable[[], Scores]) -> Forecast:
        """With the margins of calibrated intervals, which evaluation.json has."""
        if self.intervals is None or not self.intervals.conformal:
            return self
        task = copy.copy(self)
        task._margins = self.intervals.stored(scores(), max(self.horizons), self._n_targets)
        return task

    def predict(
        self,
        experiment: Setting,
        scale: ScaleFit,
        step: str | None,
        path: Path | None,
        horizon: int | None,
        later: Path | None = None,
    ) -> Prediction:
        """The rows after the end of a table, or of each of its series, scaled as in training.

        Parameters
        ----------
        path : of the table; None: the experiment's own series.
        later : a file with the rows to come of columns that are known ahead; None: those after the table's end.

        Raises
        ------
        ConfigError
            `horizon` is below 1, or beyond 10,000, or beyond the leads of intervals.
        DataError
            The table does not have the series' form or step, is shorter than a window,
            or ends with a gap; later rows of what is known ahead are missing.
        """
        horizon = max(self.horizons) if horizon is None else horizon
        check_horizon(horizon, None if self.intervals is None else max(self.horizons))
        data = window_data(experiment.data)
        table = data.series.read(path)
        name = "the run's series" if path is None else printable(path)
        check_step(table, step, name)
        if later is not None:
            table = with_later(table, data.series.read_later(later), printable(later))
        return forecast_ahead(
            table,
            scale,
            model_next_rows(Points(experiment.model, experiment.loss)),
            time_steps=data.time_steps,
            horizon=horizon,
            dtype=experiment.dtype,
            name=name,
            derive=data.derive,
            covariates=self.future_covariates,
            later_rows=later_rows(experiment.model),
            intervals=self.intervals and self.intervals.ahead(experiment, self._margins, horizon, self._n_targets),
            interval_words="" if self.intervals is None else self.intervals.words(),
        )


def forecast_task(task: Task) -> Forecast:
    """The task, if it is a forecast; else ConfigError."""
    if not isinstance(task, Forecast):
        raise ConfigError(f"evaluation: expected Forecast, got {type(task).__name__}.")
    return task
