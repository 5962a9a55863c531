"""From maps to rows.

sources.py      where frames and answers come from
map_folders.py  depth maps of any tool beside maps of truth
baselines.py    guessers that never look: constant depth, mean-depth map, row ramp; the table of all
cached_frames.py  guessers that only remember: nearest training frame, ridge on thumbnails
training_frames.py  what a guesser is fitted to
frame_truth.py  the truth of a frame under a protocol, worked out once for all arms
slices.py       its pixels by distance, edges, contrast, density
metres.py       a map in metres: fitted, limited, at its own size
score.py        one frame to rows
chunks.py       many frames, in as many processes as wanted, and into a file of rows
density.py      true against predicted depth, counted
"""
