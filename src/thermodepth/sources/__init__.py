"""Sources: everything that holds or gives thermal frames, behind one interface.

opening.py       what a person types -> a source: files, folders, globs, addresses
source.py        recordings one after another: names, numbers, times, failures
registry.py      the kinds, by name
interface.py     what a kind gives; frame.py what a reader gets; options.py how files are read
pictures.py npy_stack.py tiff_pages.py y16_file.py      the kinds, one file each
"""

from thermodepth.sources.frame import AnyFrame, FailedFrame, SkippedFrame, SourceFrame
from thermodepth.sources.interface import DecodedFrame, Recording, StoredFrame
from thermodepth.sources.opening import frames, open_source
from thermodepth.sources.options import SourceOptions, Y16Layout
from thermodepth.sources.registry import SOURCES, Address, SourceKind
from thermodepth.sources.source import Source

__all__ = [
    "SOURCES",
    "Address",
    "AnyFrame",
    "DecodedFrame",
    "FailedFrame",
    "Recording",
    "SkippedFrame",
    "Source",
    "SourceFrame",
    "SourceKind",
    "SourceOptions",
    "StoredFrame",
    "Y16Layout",
    "frames",
    "open_source",
]
