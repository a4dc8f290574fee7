"""Pictures on disk become a data set: read, checked, decoded once, packed; and a built-in set of drawn faces."""
