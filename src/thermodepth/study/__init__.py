"""The loss study.

design.py     arms as dotted edits, seeds, cells
files.py      studies as TOML or Python; file_entries.py their keys
folder.py     what a study's folder holds, and whether it is this study's
run.py        labels, baselines, cells wherever an executor takes them, what came of each
cell.py       one cell: train, predict the test frames, score
executors/    this machine, Ray, SLURM, or commands for anything else
results.py    from the finished folder to everything below
analysis/     the statistics: contrasts, intervals, verdicts, claims, doses, planner; numpy and scipy only
tables/       Table 1 and its relatives, the term x ledger matrix
figures/      which test frames are shown, by rule, and Figures 1 and 2
gradients/    what gradient diagnostics of finished runs say
page/         report.html
audit/        what a published one-run table can carry
"""
