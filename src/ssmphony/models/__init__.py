"""tokens → frames, one file a system. ``MODELS`` maps the short kind in a voice file to its config class."""

from ssmphony.models.jepa_tts import JepaTTSConfig
from ssmphony.models.s4_acoustic import S4AcousticConfig

MODELS = {"jepa_tts": JepaTTSConfig, "s4_acoustic": S4AcousticConfig}
