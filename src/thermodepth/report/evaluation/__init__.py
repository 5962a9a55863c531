"""An evaluation, printed.

overview.py        every table of an evaluation
cells.py           what its tables are put together from
guessers.py        every map beside the guessers, and who wins
summary.py         means per arm, slice, condition
ledger.py          one squared error as a sum of parts
stability.py       how steady the scale is
expected_error.py  what models tell of their own errors
warnings.py        what a person should hear before the numbers
figures.py         charts as SVG: scatter, error against range, ledger
page.py            what an evaluation's page holds, and the page
folder.py          tables, facts and page on disk
"""
