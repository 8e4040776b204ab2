"""A voice next to the teacher that it learned from: `python -m benchmarks.teacher`.

``unseen.tsv``     1,000 sentences with the speakers that they are dealt to, from the CC0 list of the Common Voice
                   sentence collector: those of 4 to 25 words that are in no corpus or plan of the teacher's speech, in
                   the order of their SHA-256
``pictures.tsv``   ten sentences to look at: questions, lists, an exclamation, numbers, a long one
"""
