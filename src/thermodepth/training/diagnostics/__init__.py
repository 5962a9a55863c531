"""What each loss term asks of the network while it trains: a diagnostic, never a verdict.

gradients.py  every term's gradient from one batch: norms, cosines, magnitude similarity
steps.py      how far each points along the step that the optimiser took
maps.py       where in the picture terms pull against each other
files.py      what is written, and cut back to the checkpoint when a run goes on
watch.py      the hook in the training loop: when to look, what it costs, what happens when it fails
"""

from thermodepth.training.diagnostics.watch import GradientWatch

__all__ = ["GradientWatch"]
