"""What is printed: tables, charts and pages, from numbers that were computed elsewhere.

contents.py     what a table says: cells, columns, rows
table.py        a printed table, as markdown, csv, LaTeX or in the terminal
latex_table.py  how it is laid out on a page of LaTeX, with latex_text.py
terminal.py     how it folds or splits where the terminal is narrow
grid.py         pictures side by side with titles and a colour bar, as one figure
axes.py         where values stand in a chart or on a colour bar, and the marks beside them
page/           documents of HTML that need no network, and the viewer of frames
evaluation/     the tables and the page of an evaluation
"""
