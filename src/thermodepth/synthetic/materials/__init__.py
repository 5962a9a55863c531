"""What things are made of: materials, visible patterns, noise textures, long-wave radiance."""
