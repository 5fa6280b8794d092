"""What packed_spikes made of the tensors that it was given."""

from spikingjelly.activation_based.functional._packed_spikes import _Bits, _Packed


class Packs(list[object]):
    """In order, packed or not."""

    def packed(self) -> list[_Packed]:
        return [pack for pack in self if isinstance(pack, _Packed)]

    def bits(self) -> list[_Bits]:
        """Each once."""
        return list({id(pack.bits): pack.bits for pack in self.packed()}.values())
