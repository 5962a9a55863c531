"""Training: one loop, everything that resumes, one folder a run.

settings.py    the whole run as one tree
loop.py        the loop, as one function
optimiser.py   AdamW groups, the schedule, averaged weights
labels.py      teacher labels, made once
checkpoint.py  what resumes, in one file
run_folder.py  what a run leaves behind; log.py its log
"""
