"""Estimates that can be defended: clustered means, paired differences, what is detectable.

The methods are described where they are: ``clustered`` (means and their intervals), ``paired``
(differences of two runs, Holm), ``resampled`` (bootstrap, jackknife), ``planning``.
"""

from harness.stats.clustered import LEVEL, accuracy, beyond, macro
from harness.stats.paired import Paired, holm, paired
from harness.stats.planning import expected, minimum_detectable
from harness.stats.resampled import bootstrap, of_sums

__all__ = [
    "LEVEL", "Paired", "accuracy", "beyond", "bootstrap", "expected", "holm", "macro",
    "minimum_detectable", "of_sums", "paired",
]  # fmt: skip
