"""The verification lab: how well distances tell people apart. Each file holds one idea, this one lists them all.

`pairs` counts, `curves` and `rates` show the two errors, `thresholds` chooses between them, `intervals` says how sure that
is, and `identification` asks the same of a gallery. Arrays in, numbers out; nothing here knows a network.
"""

from tinyconv.metric.curves import Det, Roc, ScoreHistograms, auc, det, roc, score_histograms
from tinyconv.metric.identification import (
    OpenSet,
    detection_and_identification_rate,
    nearest_neighbour_accuracy,
    nearest_of_each_person,
    open_set_false_accepts,
)
from tinyconv.metric.intervals import bootstrap_interval
from tinyconv.metric.pairs import every_pair
from tinyconv.metric.rates import equal_error_rate, error_rates, false_reject_rate, validation_rate
from tinyconv.metric.thresholds import (
    FoldAccuracy,
    MatchThreshold,
    k_fold_accuracy,
    most_accurate_threshold,
    threshold_for_false_match_rate,
)

__all__ = [
    "every_pair",
    "Roc", "Det", "ScoreHistograms", "roc", "det", "auc", "score_histograms",
    "error_rates", "equal_error_rate", "false_reject_rate", "validation_rate",
    "MatchThreshold", "FoldAccuracy", "threshold_for_false_match_rate", "most_accurate_threshold", "k_fold_accuracy",
    "bootstrap_interval",
    "OpenSet", "nearest_neighbour_accuracy", "nearest_of_each_person", "open_set_false_accepts",
    "detection_and_identification_rate",
]
