"""``ssmphony serve`` under load: ``python -m benchmarks.serve``.

`measure`  what is measured
`client`   the listeners, in one process
`silence`  a program of its own: the server while texts ask for minutes of silence
`tables`   the results as Markdown
"""
