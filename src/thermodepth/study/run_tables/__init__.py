"""Runs that another program logged, one number a run and metric, as measurements of arms by seeds.

run.py            a logged run: its name, settings as text, final numbers
wandb.py          the CSV of a W&B run table
mlflow.py         the CSV of `mlflow.search_runs`, or an `mlruns` folder
tensorboard.py    a folder of event files, or of scalars that its page downloads (CSV, JSON)
lightning.py      folders of Lightning's CSVLogger: metrics.csv and hparams.yaml
registry.py       which of them a path is, by its own headers
grouping.py       which arm and which seed a run is
measurements.py   the numbers of all runs as a block for each metric, and what was taken for granted
"""
