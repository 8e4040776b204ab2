"""Samples in and out: files, resampling, mel, loudness, pitch. NumPy only."""
