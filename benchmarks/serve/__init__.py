"""``ssmphony serve`` under load: ``python -m benchmarks.serve``.

`measure`  streams at once, requests at random moments, memory
`servers`  the servers, each in its own process
`client`   their listeners, in one process
`worker`   processes that the server is compared with
`silence`  a program of its own: the server while texts ask for minutes of silence
`tables`   the results as Markdown
"""
