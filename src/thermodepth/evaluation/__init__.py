"""From predictions to numbers that may be compared.

protocol.py   which pixels count and how a prediction is brought to the truth: data with an id
resize.py     a depth map to another size, in log depth
score.py      one frame, or many, to rows under a protocol
rows.py       the long table: one row per arm, seed, frame, slice and metric
store.py      predictions on disk: predict once, score as often as wanted
predict.py    every frame through a model once, into a store
baselines.py  constant depth and mean-depth map: what an arm has to beat
summary.py    rows to means per arm, range and condition
tables.py     a printed table, as markdown, csv, LaTeX or in the terminal
"""
