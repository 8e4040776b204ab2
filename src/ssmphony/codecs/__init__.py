"""frames ↔ samples. ``CODECS`` maps the short kind in a voice file to its config class."""

from ssmphony.codecs.fsq import FsqConfig
from ssmphony.codecs.griffin_lim import GriffinLimConfig
from ssmphony.codecs.latent import LatentConfig
from ssmphony.codecs.lewm import LeWMCodecConfig
from ssmphony.codecs.mel_source_filter import MelSourceFilterConfig
from ssmphony.codecs.mel_vocoder import MelVocoderConfig
from ssmphony.codecs.s4d_autoencoder import S4DAutoencoderConfig
from ssmphony.codecs.smamba import SMambaCodecConfig
from ssmphony.codecs.spectrum import SpectrumConfig

CODECS = {
    "fsq": FsqConfig,
    "mel_vocoder": MelVocoderConfig,
    "mel_source_filter": MelSourceFilterConfig,
    "griffin_lim": GriffinLimConfig,
    "latent": LatentConfig,
    "lewm": LeWMCodecConfig,
    "smamba": SMambaCodecConfig,
    "s4d_autoencoder": S4DAutoencoderConfig,
    "spectrum": SpectrumConfig,
}
