"""`thermodepth data ...`: one file a command."""
