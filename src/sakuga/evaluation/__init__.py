"""How good pictures are: distances, precision and recall, memorization, colors; every number with its ruler."""
