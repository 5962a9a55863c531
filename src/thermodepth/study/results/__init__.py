"""From a finished study's folder to every number that is printed of it: read once, then computed once.

record.py         the folder, read: facts.py, cells.py, scenes.py, training_logs.py
findings.py       the record, computed:
  result_rows.py    one quantity as arms by seeds by images
  lines.py          what the lines of tables are
  entries.py        each line's mean, its change, the set of best arms
  shares.py         what loss terms weigh, beside every verdict
  ledger_matrix.py  which change buys which part of the error
  frames.py         errors by frame, and the frames that figures show
  fitted_scenes.py  every map on its frame's grid, structures fitted to the truth
"""
