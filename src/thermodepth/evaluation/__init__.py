"""From predictions to numbers that may be compared.

predict.py   every frame through a model once, into a store
store.py     predictions on disk: predict once, score as often as wanted
protocols/   which pixels count, and what a prediction is told of the truth
scoring/     one frame, or many, to rows under a protocol
results/     rows to means, ledgers, tables
page/        results as one page of HTML
report.py    an evaluation as a whole: rows, tables, page
"""
