"""Measures voices: `run` speaks and measures, `metrics` holds the figures, `models` the networks that some of them ask,
`frechet` distances between sets of sounds, `listening` tests with people. Nothing here trains."""
