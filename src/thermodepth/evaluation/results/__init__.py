"""From rows to tables.

rows.py          the long table: a row per arm, seed, frame, map, alignment, slice and metric
row_protocol.py  the protocol that travels with it, and the refusal of two in one table
row_keys.py      keys of rows, quickly
frame_values.py  a metric's values frame by frame
summary.py       means per arm, slice, condition
ledger.py        one squared error as a sum of parts
stability.py     how steady the scale is
map_means.py     the means of every map, by alignment, slice and condition
guessers.py      every map beside the guessers, and who wins
overview.py      every table of an evaluation
cells.py         what its tables are put together from
remarks.py       what a person should hear before the numbers
picked.py        which frames are shown, by rule
tables.py        a printed table, as markdown, csv, LaTeX or in the terminal
terminal_table.py  how it folds or splits where the terminal is narrow
"""
