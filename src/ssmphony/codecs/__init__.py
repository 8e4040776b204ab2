"""frames ↔ samples. ``CODECS`` maps the short kind in a voice file to its config class."""

from ssmphony.codecs.griffin_lim import GriffinLimConfig
from ssmphony.codecs.jepa_latent import JepaLatentConfig
from ssmphony.codecs.mel_vocoder import MelVocoderConfig

CODECS = {"mel_vocoder": MelVocoderConfig, "griffin_lim": GriffinLimConfig, "jepa_latent": JepaLatentConfig}
