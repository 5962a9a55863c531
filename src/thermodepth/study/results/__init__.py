"""What the rows of a study say, as numbers.

result_rows.py    one quantity as arms by seeds by images
lines.py          what the lines of tables are
entries.py        each line's mean, its change, the set of best arms
ledger_matrix.py  which change buys which part of the error
frames.py         the frames that figures show
"""
