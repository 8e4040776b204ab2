"""What a voice is worth: distances to recordings, prosody, defects, naturalness. NumPy only; nothing here trains."""
