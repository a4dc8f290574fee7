"""Frozen networks to measure with: where their weights are found, how pictures become features."""
