"""A study, printed: its tables, figures, page and methods section."""
