"""The numbers of a study: every one a contrast over arms, with an interval that knows seeds and scenes.

questions.py     a contrast with a name
designs.py       which arms to train; what they can tell
shapley.py       main effects, interactions, Shapley values as contrasts
measurements.py  one metric as arms by seeds by images
result_rows.py   from the rows that scoring writes; plain_table.py from anybody's CSV
crossed.py       the estimate: seeds crossed with scenes
comparison.py    one question on one metric; verdicts over all declared ones; the best set
claims.py        claims as hypotheses; the paper's
planner.py       what more seeds or scenes would buy
pooled.py        the bootstrap for pixel-pooled numbers
multiplicity.py  Holm, sign flips

numpy and scipy only; docs/statistics.md explains it in plain words.
"""
