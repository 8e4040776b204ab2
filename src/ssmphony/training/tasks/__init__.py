"""What can be trained, one file a task. ``TASKS`` maps the short kind in a training file to its config class."""

from ssmphony.training.tasks.codec import CodecTaskConfig
from ssmphony.training.tasks.fish import FishTaskConfig
from ssmphony.training.tasks.latents import LatentsTaskConfig
from ssmphony.training.tasks.lewm import LeWMTaskConfig
from ssmphony.training.tasks.recogniser import RecogniserTaskConfig
from ssmphony.training.tasks.s4_acoustic import S4AcousticTaskConfig
from ssmphony.training.tasks.s4_spectrum import S4SpectrumTaskConfig
from ssmphony.training.tasks.s4d_legacy import S4DLegacyTaskConfig
from ssmphony.training.tasks.samples import SamplesTaskConfig
from ssmphony.training.tasks.smamba import SMambaTaskConfig

TASKS = {
    "codec": CodecTaskConfig,
    "fish": FishTaskConfig,
    "latents": LatentsTaskConfig,
    "lewm": LeWMTaskConfig,
    "recogniser": RecogniserTaskConfig,
    "s4_acoustic": S4AcousticTaskConfig,
    "s4_spectrum": S4SpectrumTaskConfig,
    "s4d_legacy": S4DLegacyTaskConfig,
    "samples": SamplesTaskConfig,
    "smamba": SMambaTaskConfig,
}
RENAMED = {"acoustic": "s4_acoustic", "jepa": "lewm", "vocoder": "codec"}
"""Kinds of earlier versions."""
