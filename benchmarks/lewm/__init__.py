"""LeWM TTS measured: the first five modules are programs.

`report`         what a training of the codec `lewm` has reached, on held-out sentences
`voice`          what an exported voice of the codec `latent` has reached
`experiments`    six ways of it with the same budget, each trained, exported and measured
`engine`         speed: attention with its cache compared with Mamba and Mamba-2
`gpu`            speed on a GPU, in float32 and bfloat16
`measures`       what `report` and `voice` have in common: drift, recognised characters, ends of sentences
`prompts`        whether speech after a clip sounds like its speaker
`batches`        of `engine` and `gpu`: batches of sentences in PyTorch
`positions`      of `engine`: a step of the predictor after so many latents
`random_voices`  the voices whose speed is measured
`voice_tables`   what `voice` and `experiments` have found, as Markdown
`tables`         the results as Markdown
"""
