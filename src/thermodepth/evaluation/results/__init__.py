"""From rows to numbers.

frame_values.py    a metric's values frame by frame
summary.py         means per arm, slice, condition
map_means.py       the means of every map, by alignment, slice and condition
ledger.py          one squared error as a sum of parts
stability.py       how steady the scale is
expected_error.py  what models tell of their own errors
picked.py          which frames are shown, by rule
"""
