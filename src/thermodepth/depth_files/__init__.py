"""Depth map files of any program, as arrays: 16-bit PNG, NPY, TIFF, PFM and OpenEXR.

reading.py   one file to [h w] float32, whatever its format; units and what means "no value"
writing.py   [h w] metres to one file: 16-bit PNG, NPY, TIFF or OpenEXR
exr.py       OpenEXR by the package of that name; what a header promises is bounded before pixels are read
"""

from thermodepth.depth_files.reading import (
    DEPTH_SUFFIXES,
    PER_METRE,
    check_per_metre,
    read_depth_values,
    read_truth_m,
)
from thermodepth.depth_files.writing import WRITTEN_SUFFIXES, write_depth_values

__all__ = [
    "DEPTH_SUFFIXES",
    "PER_METRE",
    "WRITTEN_SUFFIXES",
    "check_per_metre",
    "read_depth_values",
    "read_truth_m",
    "write_depth_values",
]
