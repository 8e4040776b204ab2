"""Autoencoders of waveforms, measured: ``python -m benchmarks.autoencoders``.

`codecs`  trained codecs: their copies of recordings, and what their priors generate
`legacy`  the report's network and its VAE, measured as the report did
`page`    small sounds and pictures for the page
`tables`  the results as Markdown
"""
