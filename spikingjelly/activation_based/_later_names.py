"""Modules under their names in the 2.0 releases, which moved them; what they hold is that of today's modules."""

_EXAMPLES = {
    "a2c": "A2C",
    "dqn_state": "DQN_state",
    "ppo": "PPO",
    "spiking_a2c": "Spiking_A2C",
    "spiking_dqn_state": "Spiking_DQN_state",
    "spiking_ppo": "Spiking_PPO",
    "speech_commands": "speechcommands",
    "plasticity.stdp_mnist": "stdp_mnist",
    "train_imagenet": "model.train_imagenet_example",
    "common.train_classify": "model.train_classify",
    "common.tv_ref_classify": "model.tv_ref_classify",
    "common.tv_ref_classify.presets": "model.tv_ref_classify.presets",
    "common.tv_ref_classify.sampler": "model.tv_ref_classify.sampler",
    "common.tv_ref_classify.transforms": "model.tv_ref_classify.transforms",
    "common.tv_ref_classify.utils": "model.tv_ref_classify.utils",
}
# The parts into which packages are divided there; here the package itself holds their names.
_PARTS = {
    "functional": (
        "conv_bn_fusion",
        "forward",
        "layer",
        "learning",
        "loss",
        "misc",
        "net_config",
        "neuron",
        "spike",
    ),
    "layer": ("bn", "container", "misc", "online_learning", "stateless_wrapper"),
    "learning": ("plasticity",),
    "memopt": ("checkpointing", "compress", "pipeline"),
    "neuron": (
        "adapt",
        "base_node",
        "inter_layer_connection",
        "lif_variants",
        "nonlinear_if",
        "online_learning",
    ),
}


def table(package: str) -> dict[str, str]:
    """Full name there to full name here.

    :param package: the full name of ``activation_based``
    """
    moved = {
        f"{package}.examples.{name}": f"{package}.{today if '.' in today else f'examples.{today}'}"
        for name, today in _EXAMPLES.items()
    }
    parts = {f"{package}.{room}.{part}": f"{package}.{room}" for room, names in _PARTS.items() for part in names}
    return moved | parts
