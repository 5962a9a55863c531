"""The long table of results.

rows.py      a row per arm, seed, frame, map, alignment, slice and metric
protocol.py  the protocol that travels with it, and the refusal of two in one table
keys.py      keys of rows, quickly
parquet.py   its file, trusted by a checksum
"""
