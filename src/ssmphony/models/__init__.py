"""tokens → frames, one file a system. ``MODELS`` maps the short kind in a voice file to its config class."""

from ssmphony.models.fish import FishConfig
from ssmphony.models.lewm import LeWMConfig
from ssmphony.models.s4_acoustic import S4AcousticConfig
from ssmphony.models.s4_spectrum import S4SpectrumConfig
from ssmphony.models.smamba import SMambaConfig

MODELS = {
    "fish": FishConfig,
    "lewm": LeWMConfig,
    "s4_acoustic": S4AcousticConfig,
    "s4_spectrum": S4SpectrumConfig,
    "smamba": SMambaConfig,
}
