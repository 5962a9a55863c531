"""Results as files: depth, structure, sky and expected error, pictures, point clouds, videos.

registry.py       OUTPUTS: every file by its name; a new one is a file and a row
files.py          a frame's files at once, or a recording's frame by frame
settings.py       what a person chooses of pictures and clouds
colour_range.py   one range of metres for the colours of a whole recording
flying.py         pixels that hang between two surfaces
depth.py structure.py sky.py relative_error.py pictures.py cloud.py video.py rerun.py      what rows write
"""

from thermodepth.outputs.cloud import write_cloud
from thermodepth.outputs.files import Outputs, frame_path, write_frame
from thermodepth.outputs.flying import flying_pixels
from thermodepth.outputs.registry import FORMATS, OUTPUTS, TABLE, VIEW, rows_of
from thermodepth.outputs.row import FrameOutput, OutputRow, Recorder, RecordingOutput
from thermodepth.outputs.settings import OutputSettings

__all__ = [
    "FORMATS",
    "OUTPUTS",
    "TABLE",
    "VIEW",
    "FrameOutput",
    "OutputRow",
    "OutputSettings",
    "Outputs",
    "Recorder",
    "RecordingOutput",
    "flying_pixels",
    "frame_path",
    "rows_of",
    "write_cloud",
    "write_frame",
]
