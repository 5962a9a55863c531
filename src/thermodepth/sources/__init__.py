"""Sources: everything that holds or gives thermal frames, behind one interface.

opening.py       what a person types -> a source: files, folders, globs, addresses
source.py        recordings one after another: names, numbers, times, failures
registry.py      the kinds, by name
interface.py     what a kind gives; frame.py what a reader gets; options.py how files are read
replaying.py     a recording in its own time; latest_frames.py the newest frame of a live source
reading_ahead.py an iterator that is read in a thread; lenses.py what a source states of its lens
pictures.py npy_stack.py tiff_pages.py y16_file.py video.py flir_seq.py cptv.py bags.py      kinds of files
v4l2.py network.py gige.py                                                                   kinds of cameras
"""

from thermodepth.sources.frame import AnyFrame, FailedFrame, SkippedFrame, SourceFrame
from thermodepth.sources.interface import DecodedFrame, Recording, StoredFrame
from thermodepth.sources.latest_frames import LatestFrames, latest
from thermodepth.sources.opening import frames, known_schemes, open_source, replay, replayed
from thermodepth.sources.options import SourceOptions, Y16Layout
from thermodepth.sources.registry import SOURCES, Address, SourceKind
from thermodepth.sources.source import Source

__all__ = [
    "SOURCES",
    "Address",
    "AnyFrame",
    "DecodedFrame",
    "FailedFrame",
    "LatestFrames",
    "Recording",
    "SkippedFrame",
    "Source",
    "SourceFrame",
    "SourceKind",
    "SourceOptions",
    "StoredFrame",
    "Y16Layout",
    "frames",
    "known_schemes",
    "latest",
    "open_source",
    "replay",
    "replayed",
]
