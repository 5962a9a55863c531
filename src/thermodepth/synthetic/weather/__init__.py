"""Weather, light, heat and sky of a scene, drawn from rows."""
