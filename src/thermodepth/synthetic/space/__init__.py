"""Where things are: points and directions, and the rays that are cast among them."""
