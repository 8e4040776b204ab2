"""Start a ``spectrum`` codec from the decoder of hibari-tts 0.2.1 (Apache-2.0; see NOTICE).

    pip download --no-deps hibari-tts==0.2.1 && unzip hibari_tts-*.whl hibari/assets/hibari.onnx
    python tools/hibari.py hibari/assets/hibari.onnx hibari.safetensors

The result is for `ssmphony train --init`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ssmphony.codecs.hibari import read_hibari
from ssmphony.codecs.spectrum import SpectrumConfig
from ssmphony.export.weights import write_weights
from ssmphony.types import SsmphonyError


def convert(graph: Path, out: Path) -> None:
    """Write the decoder's weights. Raises `SsmphonyError` if the file is not hibari's."""
    codec = SpectrumConfig().build()
    codec.load_state_dict(read_hibari(graph))
    write_weights(out, {"codec": codec})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graph", type=Path, help="hibari.onnx")
    parser.add_argument("out", type=Path, help="a .safetensors file")
    arguments = parser.parse_args()
    try:
        convert(arguments.graph, arguments.out)
    except SsmphonyError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
