"""An evaluation, printed: everything here takes findings, and neither paths nor rows.

overview.py        every table of an evaluation, and its finding in two sentences
cells.py           what its tables are put together from
guessers.py        every map beside the guessers, and who wins
summary.py         means per arm, slice, condition
ledger.py          one squared error as a sum of parts; how steady the scale is
expected_error.py  what models tell of their own errors
warnings.py        what a person should hear before the numbers
figures.py         charts as SVG: scatter, error against range, ledger
page.py            what an evaluation's page holds, and the page
folder.py          tables, facts and page on disk
"""
