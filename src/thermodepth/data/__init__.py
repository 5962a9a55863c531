"""Data sets: one file each that finds and reads frames; transforms, batches and the table of them."""

from thermodepth.data.frames import Dataset, Frames, samples_of
from thermodepth.data.registry import DATASETS, open_dataset

__all__ = ["DATASETS", "Dataset", "Frames", "open_dataset", "samples_of"]
