"""Named experiments: plain functions that return settings or a study."""

from thermodepth.recipes.paper import paper

STUDIES = {"paper": paper}

__all__ = ["STUDIES", "paper"]
