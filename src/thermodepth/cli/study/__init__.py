"""`thermodepth study ...`: one file a command."""
