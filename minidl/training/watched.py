"""The scores of an epoch that something looks at: an early stop, a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from minidl.core.errors import ConfigError
from minidl.training.records import EpochRecord, scores_of

# Of these it is known for every training.
_LARGER_IS_BETTER = {"train_loss": False, "validation_loss": False, "validation_r2": True, "validation_accuracy": True}


class Watched(NamedTuple):
    """What is looked at.

    Parameters
    ----------
    name : the score, as the log names it.
    larger_is_better : what is taken for better there; None: it does not say.
    """

    name: str
    larger_is_better: bool | None

    def wrong_way(self, known: Mapping[str, bool] = _LARGER_IS_BETTER) -> str | None:
        """Why a better score is taken for a worse one; None: it is not, as far as is known of these scores."""
        truth = known.get(self.name)
        if None in (truth, self.larger_is_better) or truth == self.larger_is_better:
            return None
        size, word = ("larger", "true") if truth else ("smaller", "false")
        return f"of {self.name} the {size} one is better; write larger_is_better: {word} beside it"


def check_watched(watched: Mapping[str, Watched], metrics: Mapping[str, float] | None) -> None:
    """Refuse to watch a score that epochs do not have, or to take the worse ones for better.

    Parameters
    ----------
    watched : scores by the key that names them.
    metrics : of some validation examples; None: there are none.

    Raises
    ------
    ConfigError
        It names those that there are.
    """
    loss, found = (None, None) if metrics is None else (0.0, dict(metrics))
    scores = scores_of(EpochRecord(0, 0, 0.0, loss, found, 0.0, 0.0))
    for key, score in watched.items():
        if score.name not in scores:
            more = "; there are no validation examples" if metrics is None else ""
            raise ConfigError(f"{key}: {score.name} is no score of an epoch; expected {' or '.join(scores)}{more}.")
        if problem := score.wrong_way():
            raise ConfigError(f"{key}: {problem}.")
