"""Schemas of everything a user can set. Imports no torch."""
