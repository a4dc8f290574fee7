"""Other programs' weight files: what they hold, in the names of our networks. Nothing in them is executed."""
