"""From predictions to numbers that may be compared.

predict.py   every frame through a model once, into a store
store.py     predictions on disk: predict once, score as often as wanted
protocols/   which pixels count, and what a prediction is told of the truth
head_maps.py what an arm says of a frame: typed maps, by head
rows/        the long table of results
scoring/     one frame, or many, to rows under a protocol
results/     rows to means, ledgers and other numbers

What is printed of them stands in `report/evaluation`.
"""
