"""From geometry to radiance: ray casts once, then one shader a band."""
