"""Searching the weights of loss terms fairly, as a study whose arms are the levels of each.

search.py     terms and their grids, as a study; grids that go on where the lowest level lies at their end
rounds.py     the study run, its grids extended, and run again, until no grid goes on
findings.py   from the rows to each term's choice
"""
