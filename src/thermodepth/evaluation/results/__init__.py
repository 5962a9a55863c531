"""From rows to numbers, each computed once.

record.py              the rows of an evaluation, checked once
findings.py            everything that is computed of them
frame_values.py        a metric's values frame by frame
summary.py             means per arm, slice, condition
map_means.py           the means of every map, by alignment, slice and condition
guesser_comparison.py  every map beside the guessers
ledger.py              one squared error as a sum of parts
stability.py           how steady the scale is
expected_error.py      what models tell of their own errors
picked.py              which frames are shown, by rule
picked_maps.py         their maps, read again to be looked at

What is printed of them stands in `report/evaluation`.
"""
