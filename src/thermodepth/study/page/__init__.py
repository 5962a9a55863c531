"""The one page of a study, from its plots to the file."""
