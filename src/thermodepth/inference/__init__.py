"""From a thermal frame to depth: the predictor, and its results as files and pictures."""
