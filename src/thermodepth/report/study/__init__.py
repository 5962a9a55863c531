"""A study, printed: it takes findings and facts, opens no file of a study and computes no number.

write.py       read, compute, print: the one place that does the three
page.py        the page; its sections: answers.py, curves.py, frames_table.py, provenance.py, methods_html.py
tables.py      Table 1 and its relatives; notes.py under them, records.py for machines
findings_tables.py, ledger_table.py   effects, claims, best sets; parts of the error
readings.py, shares_table.py   the readings that verdicts are about; what loss terms weigh
figures.py     Figures 1 and 2; scenes.py for the page's viewer
forest.py, heatmap.py, dose_charts.py, matrix.py   charts of the page
facts.py, machines.py, methods.py, training_methods.py, summary.py   what is said in words
"""
