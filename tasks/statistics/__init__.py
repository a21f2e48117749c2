"""Intervals for what a finite sample allows to say of a model, or of two on the same samples.

All are two-sided at ``confidence``; the gate compares one of their bounds with a margin. At 95 % that is a one-sided
test at 2.5 %, the convention of ICH E9 (Statistical Principles for Clinical Trials, 1998) for non-inferiority.
``python benchmarks/intervals.py`` simulates how often they hold the truth, and how wide they are.
"""

from tasks.statistics.class_counts import MacroMetric, macro
from tasks.statistics.clusters import clustered_difference, clustered_fraction, clustered_mean
from tasks.statistics.macro_averages import macro_interval, paired_macro
from tasks.statistics.means import bounded_mean, paired_mean
from tasks.statistics.proportions import clopper_pearson, critical_value, smallest_margin, tango, wilson
from tasks.statistics.scarcity import Scarce, scarce_classes
from tasks.statistics.single_class import class_interval, paired_class

__all__ = [
    "MacroMetric",
    "Scarce",
    "bounded_mean",
    "class_interval",
    "clopper_pearson",
    "clustered_difference",
    "clustered_fraction",
    "clustered_mean",
    "critical_value",
    "macro",
    "macro_interval",
    "paired_class",
    "paired_macro",
    "paired_mean",
    "scarce_classes",
    "smallest_margin",
    "tango",
    "wilson",
]
