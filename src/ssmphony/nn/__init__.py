"""Building blocks of models and codecs that are not state spaces. A module is imported by its own name."""
