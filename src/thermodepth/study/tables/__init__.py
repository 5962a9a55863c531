"""What a study prints.

table.py          Table 1 and its relatives: by distance, by condition, beside the paper's
lines.py          what their lines are
entries.py        what their numbers are: means, changes and best sets, from study/analysis
notes.py          what stands under them
records.py        what their CSV files hold: one number a cell
ledger_matrix.py  term by ledger
"""
