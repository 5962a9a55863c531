"""What detectors make of radiance: optics, noise, counts."""
