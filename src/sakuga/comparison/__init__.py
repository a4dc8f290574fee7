"""Recipes x data sets x seeds at one budget, on one page."""
