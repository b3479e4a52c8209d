"""What an ensemble of runs says: of the rows to come, and its scores, of one target or of several together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.forecasting import Ahead
from minidl.forecasting.intervals import IntervalForecaster
from minidl.forecasting.mixture import Member, Mixture, MixtureWeights
from minidl.tasks import Forecast
from minidl.tasks.forecast_scores import ForecastScores
from minidl.tasks.several_targets import SeveralScores


@dataclass(frozen=True, eq=False, kw_only=True)
class MixedAhead(Ahead):
    """What an ensemble says of the rows to come.

    Parameters
    ----------
    weights : of the members, and where they are from.
    names : of the members.
    """

    weights: MixtureWeights
    names: Sequence[str]

    def found(self) -> dict[str, Any]:
        """All of it by name, for JSON; ``weights`` by member and lead."""
        by_lead = self.weights.to(len(self.values)).tolist()
        return {**super().found(), "weights": dict(zip(self.names, by_lead, strict=True))}

    def said(self) -> str:
        """What it rests on."""
        return f"the mean of {len(self.names)} runs, {self.weights.said}; each {super().said()}"


@dataclass(frozen=True, eq=False)
class MixedTarget:
    """An ensemble's forecasts of one target on the test part.

    Parameters
    ----------
    scores_on : how they are scored.
    mixture, plain : the mean, with weights and without, and its intervals.
    alone : the members, and their intervals.
    theirs : intervals of rivals.
    scores : of all these; see `Ensemble.evaluate`.
    """

    scores_on: ForecastScores
    mixture: tuple[Mixture, IntervalForecaster | None]
    plain: tuple[Mixture, IntervalForecaster | None]
    alone: Sequence[tuple[Member, IntervalForecaster | None]]
    theirs: Mapping[str, IntervalForecaster]
    scores: dict[str, Any]


def together(task: Forecast, each: Sequence[MixedTarget], names: Sequence[str]) -> dict[str, Any]:
    """Scores of all targets together, of the mixture, the plain mean and the members, and ``targets`` by name."""
    protocol = SeveralScores({one.scores_on.splits.table.target_name: one.scores_on for one in each})
    forecasters, spreads = zip(*(one.mixture for one in each), strict=True)
    scores = protocol.together([one.scores for one in each], forecasters, spreads, [one.theirs for one in each])
    plain, plain_spreads = zip(*(one.plain for one in each), strict=True)
    scores |= {"members": {}, "equal_weights": protocol.tables(plain, plain_spreads)}
    for name, of_targets in zip(names, zip(*(one.alone for one in each), strict=True), strict=True):
        own = {one.splits.table.target_name: task.scores_on(one.splits) for one, _ in of_targets}
        made, intervals = [one.forecaster for one, _ in of_targets], [spread for _, spread in of_targets]
        scores["members"][name] = SeveralScores(own).tables(made, intervals)
    return scores


def of_how_many(lines: Sequence[Sequence[str]]) -> list[str]:
    """The lines of all members, each once; of how many of them it is where it is not of all."""
    n = len(lines)
    count = Counter(line for of_member in lines for line in of_member)
    return [line if of == n else f"of {of} of the {n} runs: {line}" for line, of in count.items()]
