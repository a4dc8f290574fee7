"""Losses and penalties: functions on logits and pictures. Never imports models."""
