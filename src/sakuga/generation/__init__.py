"""From a model file to pictures: seeds, the best of many, ways between seeds, animations."""
