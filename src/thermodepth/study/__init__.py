"""The loss study.

design.py     arms as dotted edits, seeds, cells
files.py      studies as TOML or Python; file_entries.py their keys
folder.py     what a study's folder holds, and whether it is this study's
run.py        labels, baselines, cells wherever an executor takes them, what came of each
cell.py       one cell: train, predict the test frames, score; end_shares.py what its terms pull at then
switched.py   which loss terms the arms of a question part in; switched_record.py in the study's folder
executors/    this machine, Ray, SLURM, or commands for anything else
results/      from the finished folder to every number: record.py reads it once, findings.py computes once
tuned.py      weights that a search chose, as a file
tuning/       the search: a study whose arms are the levels of each term
gradients/    what gradient diagnostics of finished runs say

`statistics` has the sums, `report.study` prints.
"""
