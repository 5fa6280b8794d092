"""What packed_spikes made of the tensors that it was given."""

from spikingjelly.packing import Packed, Values


class Packs(list[object]):
    """In order, packed or not."""

    def packed(self) -> list[Packed]:
        return [pack for pack in self if isinstance(pack, Packed)]

    def bits(self) -> list[Values]:
        """Each once."""
        return list({id(pack.values): pack.values for pack in self.packed()}.values())
