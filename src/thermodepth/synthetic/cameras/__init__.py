"""Where cameras stand, what they see, how they move."""
