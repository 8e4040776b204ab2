"""``SAMPLE_MODELS`` maps the kind of a model that writes samples to its config class."""

from ssmphony.models.sample_rnn import SampleRnnConfig
from ssmphony.models.samples import SampleModelConfig
from ssmphony.models.sashimi import SashimiConfig
from ssmphony.models.wavenet import WaveNetConfig

SAMPLE_MODELS: dict[str, type[SampleModelConfig]] = {
    "sashimi": SashimiConfig,
    "wavenet": WaveNetConfig,
    "sample_rnn": SampleRnnConfig,
}
