"""Pictures from bytes: what a file holds is told by its content, and what would be lost is refused.

decoding.py      PNG, TIFF, JPEG, BMP, NPY and PFM to one array, sizes bounded before memory is taken
byte_order.py    16-bit values whose two bytes were exchanged
formats.py       what a file is that is none of these, by its first bytes
orientation.py   how a camera was held, as EXIF says
pfm.py tiff.py jpeg_ls.py   what Pillow does not read, or reads without a word about what it drops
"""

from thermodepth.pictures.byte_order import bytes_are_swapped, refuse_swapped
from thermodepth.pictures.decoding import MAX_PIXELS, decode_raster
from thermodepth.pictures.formats import HEAD_BYTES, foreign_format
from thermodepth.pictures.orientation import turned

__all__ = [
    "HEAD_BYTES",
    "MAX_PIXELS",
    "bytes_are_swapped",
    "decode_raster",
    "foreign_format",
    "refuse_swapped",
    "turned",
]
