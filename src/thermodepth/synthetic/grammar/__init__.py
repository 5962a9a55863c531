"""From a seed to geometry: streets and rooms, and the objects they are made of."""
