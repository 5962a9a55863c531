"""Frames on disk: the pack format, building one, other projects' layouts."""
