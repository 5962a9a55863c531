"""The numbers of a study: every one a contrast over arms, with an interval that knows seeds and scenes.

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
claims.py             claims as hypotheses; the paper's
findings.py           every question on every metric
power.py              what more seeds or scenes would buy
twin.py               the reference trained twice
bootstrap.py          for pixel-pooled numbers
labels.py             how numbers are worded
audit/                what a published table of one run per arm can carry

numpy and scipy only, never torch; docs/statistics.md explains it in plain words.
"""
