"""Records of what training and compression share."""

from tasks.records import Record


class Comparison(Record):
    """A file's outputs beside those of the network that it was made of, on the same samples.

    ``ties``: samples with another answer that the permitted error explains.
    """

    of: str  # what the file is compared with
    samples: int
    noise: int  # of these, made up since the prepared data has no more
    signal_to_noise_db: float  # of the outputs
    agreement: float | None  # fraction of the samples with the same answer; None where outputs are no answers
    ties: int = 0
    needed_db: float | None = None  # None: recorded, not required
    rounded_db: float | None = None  # of float16: to the same network with its weights rounded to float16

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        needed = "" if self.needed_db is None else f", {self.needed_db:.0f} dB needed"
        same = "" if self.agreement is None else f"and {self.agreement:.1%} of the answers "
        return f"{self.signal_to_noise_db:.1f} dB {same}of {self.of}, on {self.samples} samples{needed}"
