"""From maps to rows.

answer.py       what an arm says of a frame: typed maps, by head
sources.py      where frames and answers come from
map_folders.py  depth maps of any tool beside maps of truth
baselines.py    constant depth and mean-depth map: what an arm has to beat
frame_truth.py  the truth of a frame under a protocol, worked out once for all arms
slices.py       its pixels by distance, edges, contrast, density
score.py        one frame to rows
chunks.py       many frames, in as many processes as wanted
density.py      true against predicted depth, counted
"""
