"""How text is read, measured: each module but the last two is a program.

`frontend`        one paragraph with numbers, Latin words and signs: is everything spoken?
`coverage`        what of a corpus is not spoken, and why
`g2p`             Hindi graphemes to phonemes, next to espeak-ng and Epitran
`latin_words`     Latin words that are not in the lexicon
`roman_hindi`     Hindi in Latin letters, on the sentences of ``roman_hindi_sets``
`pronunciations`  lists of pronunciations, and how transcriptions are compared
`tables`          the results as Markdown
"""
