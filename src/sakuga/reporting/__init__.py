"""The one way to make pages, curves and sheets."""
