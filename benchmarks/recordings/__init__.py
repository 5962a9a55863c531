"""Frames, real ones and rendered ones, and what a model says of them.

frames.py   the sets of real recordings: which files, which lens, which truth or reference
answers.py  maps of a frame, by a model or by a guesser that is blind to it
scores.py   the maps of one frame as numbers
steps.py    how much of a depth edge is drawn
tables.py   numbers of many frames as tables, with intervals
sheet.py    frames and maps as one picture, for the eye
"""
