"""Tensors, pictures and files: what every other room stands on. Imports nothing else of sakuga."""
