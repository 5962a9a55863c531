"""From a source to files: predictor, stages and writers, frame by frame.

interface.py        what can be attached: predictors, stages, writers
loop.py             source -> predictor -> stages, in their order -> writers
map_files.py        the writer of one file a map
written_frames.py   which frames are written already, so that a stopped run goes on
"""

from thermodepth.pipeline.interface import DepthEstimator, Stage, Writer
from thermodepth.pipeline.loop import LoopProgress, Outcome, predict_source
from thermodepth.pipeline.map_files import MapFiles
from thermodepth.pipeline.written_frames import WrittenFrames

__all__ = [
    "DepthEstimator",
    "LoopProgress",
    "MapFiles",
    "Outcome",
    "Stage",
    "Writer",
    "WrittenFrames",
    "predict_source",
]
