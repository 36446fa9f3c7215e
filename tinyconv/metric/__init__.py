"""Metric learning: networks whose distances mean something. Miners choose, losses pull and push, evaluation measures."""

from tinyconv.metric.doctor import CollapseDoctor, Diagnosis
from tinyconv.metric.evaluation import (
    auc,
    bootstrap_interval,
    det,
    detection_and_identification_rate,
    equal_error_rate,
    error_rates,
    every_pair,
    false_reject_rate,
    k_fold_accuracy,
    most_accurate_threshold,
    nearest_neighbour_accuracy,
    nearest_of_each_person,
    open_set_false_accepts,
    roc,
    score_histograms,
    threshold_for_false_match_rate,
    validation_rate,
)
from tinyconv.metric.losses import contrastive_loss, soft_margin_triplet_loss, triplet_loss
from tinyconv.metric.miners import (
    all_triplets,
    batch_hard_triplets,
    easy_positive_triplets,
    easy_triplets,
    hard_triplets,
    semi_hard_triplets,
    violating_triplets,
)
from tinyconv.metric.prototypical import prototypes, prototypical_logits, prototypical_loss
from tinyconv.metric.random_miners import distance_weighted_triplets, random_triplets
from tinyconv.metric.siamese import SiameseHead, absolute_difference, chi_square, siamese_loss

__all__ = [
    "CollapseDoctor", "Diagnosis", "SiameseHead", "absolute_difference", "all_triplets", "auc", "batch_hard_triplets",
    "bootstrap_interval", "chi_square", "contrastive_loss", "det", "detection_and_identification_rate",
    "distance_weighted_triplets", "easy_positive_triplets", "easy_triplets", "equal_error_rate", "error_rates", "every_pair",
    "false_reject_rate", "hard_triplets", "k_fold_accuracy", "most_accurate_threshold", "nearest_neighbour_accuracy",
    "nearest_of_each_person", "open_set_false_accepts", "prototypes", "prototypical_logits", "prototypical_loss",
    "random_triplets", "roc", "score_histograms", "semi_hard_triplets", "siamese_loss", "soft_margin_triplet_loss",
    "threshold_for_false_match_rate", "triplet_loss", "validation_rate", "violating_triplets",
]
