"""Frames on disk: the pack format in its two containers, rendering into one, MS2's own layout."""
