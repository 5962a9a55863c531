"""Where the cells of a study are computed: one file an executor, and the table of them.

Every executor gets jobs and gives news. What became of a cell is said by the cell's folder, which is all
that an executor and the machine that computes have to share.
"""
