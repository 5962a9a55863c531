"""What is printed: tables, charts, pages. It takes what was computed and computes no number of its own."""
