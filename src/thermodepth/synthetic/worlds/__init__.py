"""From a seed to a scene and its frames: the world of one rig, and that of many cameras with its sites."""
