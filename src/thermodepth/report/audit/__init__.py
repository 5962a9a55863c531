"""What an audit of a published ablation table says, as tables and as a page."""
