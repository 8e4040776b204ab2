"""LeWM TTS measured: each module but the last three is a program.

`report`         what a training of the codec `lewm` has reached, on held-out sentences
`voice`          what an exported voice of the codec `latent` has reached
`experiments`    six ways of it with the same budget, each trained, exported and measured
`engine`         speed: attention with its cache compared with Mamba and Mamba-2
`gpu`            speed on a GPU, in float32 and bfloat16
`prompts`        whether speech after a clip sounds like its speaker
`random_voices`  the voices whose speed is measured
`tables`         the results as Markdown
"""
