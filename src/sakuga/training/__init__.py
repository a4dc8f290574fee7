"""One loop, many phases: from a recipe and a data set to a run folder."""
