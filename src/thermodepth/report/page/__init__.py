"""Pages of HTML that need no network.

skeleton.py  document, tables, facts; with base.css and sort.js
scenes.py    a picked frame: its pictures side by side, and the viewer that sweeps between two of them, with
             viewer.css and viewer.js
pictures.py  maps to coloured pictures, small enough for a page
"""
