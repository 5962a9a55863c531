"""The numbers of a study: every one a contrast over arms, with an interval that knows seeds and scenes.

    from pathlib import Path
    from thermodepth.statistics import analyze, read_measurements

    findings = analyze(read_measurements(Path("table.csv")), reference="full")
    for tested in findings.tested:
        print(tested.sentence)

with a table of `arm,seed,image,cluster,metric,value`. Public names are imported when first used.

questions.py          a contrast with a name
default_questions.py  what is asked of arms where nobody says it
designs.py            which arms to train; what they can tell
shapley.py            main effects, interactions, Shapley values as contrasts
measurements.py       one metric as arms by seeds by images
reading.py            from anybody's CSV or parquet file
metric_names.py       other names of metrics, and which way each runs
two_way.py            the estimate: seeds crossed with scenes as random effects
cluster_noise.py      how noisy a mean over unequal recordings is
comparison.py         one question on one metric; verdicts over all declared ones; the best set
pooled_df.py          several questions together, which share degrees of freedom
multiple_testing.py   Holm, sign flips
dose_response.py      a metric over the levels of a weight
simple_effects.py     a switch at levels of something else
claims.py             claims as hypotheses; the paper's
switched.py           the reading of a loss that a verdict is about, and what it weighs
findings.py           every question on every metric
power.py              what more seeds or scenes would buy
twin.py               the reference trained twice
bootstrap.py          for pixel-pooled numbers
labels.py             how numbers are worded
audit/                what a published table of one run per arm can carry

numpy and scipy only, never torch; pyarrow where a file is read. docs/statistics.md has it in plain words.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermodepth.statistics.claims import Claim as Claim
    from thermodepth.statistics.claims import judge as judge
    from thermodepth.statistics.comparison import Comparison as Comparison
    from thermodepth.statistics.comparison import TestedComparison as TestedComparison
    from thermodepth.statistics.comparison import best_set as best_set
    from thermodepth.statistics.comparison import compare as compare
    from thermodepth.statistics.comparison import with_verdicts as with_verdicts
    from thermodepth.statistics.default_questions import ArmFactors as ArmFactors
    from thermodepth.statistics.default_questions import questions_of as questions_of
    from thermodepth.statistics.designs import Design as Design
    from thermodepth.statistics.designs import full_factorial as full_factorial
    from thermodepth.statistics.designs import half_fraction as half_fraction
    from thermodepth.statistics.findings import Findings as Findings
    from thermodepth.statistics.findings import analyze as analyze
    from thermodepth.statistics.measurements import Measurements as Measurements
    from thermodepth.statistics.multiple_testing import holm as holm
    from thermodepth.statistics.multiple_testing import sign_flip_p as sign_flip_p
    from thermodepth.statistics.pooled_df import compare_all as compare_all
    from thermodepth.statistics.power import plan as plan
    from thermodepth.statistics.questions import Question as Question
    from thermodepth.statistics.questions import against as against
    from thermodepth.statistics.reading import read_measurements as read_measurements
    from thermodepth.statistics.simple_effects import LevelPair as LevelPair
    from thermodepth.statistics.simple_effects import SimpleEffects as SimpleEffects
    from thermodepth.statistics.two_way import Estimate as Estimate
    from thermodepth.statistics.two_way import estimate as estimate

_HOME = {
    "ArmFactors": "default_questions",
    "Claim": "claims",
    "Comparison": "comparison",
    "Design": "designs",
    "Estimate": "two_way",
    "Findings": "findings",
    "LevelPair": "simple_effects",
    "Measurements": "measurements",
    "Question": "questions",
    "SimpleEffects": "simple_effects",
    "TestedComparison": "comparison",
    "against": "questions",
    "analyze": "findings",
    "best_set": "comparison",
    "compare": "comparison",
    "compare_all": "pooled_df",
    "estimate": "two_way",
    "full_factorial": "designs",
    "half_fraction": "designs",
    "holm": "multiple_testing",
    "judge": "claims",
    "plan": "power",
    "questions_of": "default_questions",
    "read_measurements": "reading",
    "sign_flip_p": "multiple_testing",
    "with_verdicts": "comparison",
}

__all__ = [
    "ArmFactors",
    "Claim",
    "Comparison",
    "Design",
    "Estimate",
    "Findings",
    "LevelPair",
    "Measurements",
    "Question",
    "SimpleEffects",
    "TestedComparison",
    "against",
    "analyze",
    "best_set",
    "compare",
    "compare_all",
    "estimate",
    "full_factorial",
    "half_fraction",
    "holm",
    "judge",
    "plan",
    "questions_of",
    "read_measurements",
    "sign_flip_p",
    "with_verdicts",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'thermodepth.statistics' has no attribute '{name}'")
    return getattr(importlib.import_module(f"thermodepth.statistics.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
