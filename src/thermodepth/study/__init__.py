"""The loss study.

design.py     arms as dotted edits, seeds, cells
run.py        labels, baselines, cells in processes of their own
cell.py       one cell: train, predict the test frames, score
results.py    from the finished folder to everything below
effects.py    questions, verdicts and claims of a study; ledger_matrix.py, forest.py
analysis/     the statistics: contrasts, intervals, verdicts, claims, planner; numpy only
audit/        what a published one-run table can carry
contrasts.py  differences to the reference arm, intervals over seeds
table.py      Table 1 and its relatives; lines.py what their lines hold
frames.py     which test frames a figure shows: by rule
figures.py    Figures 1 and 2; grid.py draws them
curves.py     learning curves; report.py the page with all of it
"""
