"""Measurements that fill the tables of the documentation. Run them from the root: ``python -m benchmarks.speed``.

A claim is a module, or a package where it takes several: its program is the package itself (``__main__.py``), and where
there are more, or none that comes first, they are modules of it, which the package's docstring lists. Results are in
``results``. Shared by all:

`commands`      commands of ssmphony that are measured, alone or in turns
`machine`       the machine of a measurement, and where results are stored
`overview`      parts of the pages that follow from the code
`players`       sections of a page with players and spectrograms
`run`           what ``make benchmark`` does
`spoken_texts`  texts to speak
`streams`       voices through the engine, with several streams at once
`tables`        Markdown, and how figures are written
`update_docs`   fills the generated parts of the pages
`voices`        voices as command lines name them
"""
