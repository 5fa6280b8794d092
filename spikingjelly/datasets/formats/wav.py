"""Sound in WAV files of 16-bit samples, which the standard library reads."""

import io
import struct
import wave
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spikingjelly.datasets.formats._source import File, read_source


class Sound(NamedTuple):
    """int16 ``[channels, L]``, and samples a second."""

    samples: NDArray
    rate: int


def read_wav(file: File) -> Sound:
    """The samples of a WAV file.

    :param file: a path, or the content as bytes
    :raises DatasetFormatError: (a ValueError) that names the file and what is damaged, cut off or of another kind
    """
    source = read_source(file)
    try:
        with wave.open(io.BytesIO(source.data)) as reader:
            facts = reader.getparams()
            data = reader.readframes(facts.nframes)
    except (wave.Error, EOFError, struct.error, RuntimeError, ValueError, OverflowError) as error:
        what = str(error) or "it is cut off"
        raise source.error(0, f"not a sound WAV file of PCM samples ({what}).") from error
    if facts.sampwidth != 2:
        raise source.error(0, f"its samples have {8 * facts.sampwidth} bits, expected 16.", advice="")
    if facts.nframes == 0 or len(data) != facts.nframes * 2 * facts.nchannels:
        raise source.error(
            len(source.data), f"{facts.nframes} samples are announced, {len(data) // (2 * facts.nchannels)} are there."
        )
    return Sound(np.frombuffer(data, "<i2").astype(np.int16).reshape(-1, facts.nchannels).T, facts.framerate)
