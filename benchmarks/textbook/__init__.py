"""The annotated S4 measured: ``python -m benchmarks.textbook``.

`pictures`  the pictures of its chapters, of the kernels' growth and of the two demos
`tables`    the results as Markdown

The demos are trained by `reference.annotated_s4.train`, which writes their results.
"""
