from spikingjelly.activation_based.lava_exchange._rounding import *  # noqa: F403
from spikingjelly.activation_based.lava_exchange.blocks import *  # noqa: F403
from spikingjelly.activation_based.lava_exchange.cuba import CubaLIFNode  # noqa: F401
