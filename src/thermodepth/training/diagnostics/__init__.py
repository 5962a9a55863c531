"""What each loss term asks of the network while it trains: a diagnostic, never a verdict.

gradients.py  every term's gradient from one batch: norms, cosines, magnitude similarity
steps.py      how far each points along the step that the optimiser took
maps.py       where in the picture terms pull against each other
shares.py     how much of the pull at the maps is each term's, by distance
files.py      what is written, and cut back to the checkpoint when a run goes on

When a training looks, what it costs and what happens when it fails: `training/gradient_watch.py`.
"""
