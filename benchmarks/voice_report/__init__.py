"""A voice on held-out sentences, next to their recordings: ``python -m benchmarks.voice_report``.

`intonation`  where the pitch goes at the end of questions and of statements
`tables`      the results as Markdown: the parts of a voice's page
"""
