"""From a source to files: predictor, stages and writers, frame by frame.

interface.py        what can be attached: predictors, stages, writers
loop.py             source -> predictor -> stages, in their order -> writers
output_files.py     the writer of everything that OUTPUTS has
steadying.py        the stage that steadies a video
written_frames.py   which frames are written already, so that a stopped run goes on
"""

from thermodepth.pipeline.interface import DepthEstimator, Stage, Writer
from thermodepth.pipeline.loop import LoopProgress, Outcome, predict_source
from thermodepth.pipeline.output_files import OutputFiles
from thermodepth.pipeline.steadying import Steadying
from thermodepth.pipeline.written_frames import WrittenFrames

__all__ = [
    "DepthEstimator",
    "LoopProgress",
    "Outcome",
    "OutputFiles",
    "Stage",
    "Steadying",
    "Writer",
    "WrittenFrames",
    "predict_source",
]
