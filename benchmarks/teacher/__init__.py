"""A voice next to the teacher that it learned from: ``python -m benchmarks.teacher``.

`experiments`  a program: what a student owes to hours of speech, warm start, discriminators, speakers and S4D
`forms`        a program: forms of a voice side by side
`pictures`     a program: spectrograms of ten sentences
`measure`      what is measured of a clip, kept in a journal
`figures`      from rows of clips to figures with standard errors
`render`       the teacher's clips
`student`      the student's sound of a teacher's clip
`options`      options that the programs share
`tables`       the results as Markdown

``unseen.tsv``     1,000 sentences with the speakers that they are dealt to, from the CC0 list of the Common Voice
                   sentence collector: those of 4 to 25 words that are in no corpus or plan of the teacher's speech, in
                   the order of their SHA-256
``pictures.tsv``   ten sentences to look at: questions, lists, an exclamation, numbers, a long one
"""
