"""CartPole-v1 by proximal policy optimization with spiking neurons.

``python -m spikingjelly.activation_based.examples.Spiking_PPO -T 8 -seed 0``

The four numbers of an observation are constant currents into integrate-and-fire neurons for T time steps. Output
neurons that never fire gather their spikes. The membrane potentials after the last time step are the logits of the
actions and, in a second network, the value of the observation.

Needs ``pip install "spikingjelly[rl]"``. Training ends when the mean return of the last 100 episodes has reached
``-target``, 475 of at most 500. The greedy policy is then tested on 100 fresh episodes. Checkpoint, TensorBoard
scalars, ``run.json`` (flags, versions, what training and test came to) and a picture of the learning curve lie in
``-out-dir``.
"""

from collections.abc import Sequence
from typing import Any

from spikingjelly.activation_based.examples.common.rl.networks import ActorCritic, SpikingMLP, SpikingMLPSettings
from spikingjelly.activation_based.examples.common.rl.ppo import PPO, PPOSettings
from spikingjelly.activation_based.examples.common.rl.run import Result, Run, RunSettings, command_line

NAME = "Spiking_PPO"
RUN = RunSettings()
LEARNING = PPOSettings()
NETWORK = SpikingMLPSettings()


def main(argv: Sequence[str] | None = None) -> Result:
    """Train and test with the flags of ``argv``."""
    args, (run, learning, network) = command_line(NAME, __doc__, argv, RUN, LEARNING, NETWORK)

    def make_agent(observations: Any, actions: Any) -> PPO:
        def build(inputs: int, outputs: int) -> SpikingMLP:
            return SpikingMLP(inputs, outputs, network.hidden, network.T)

        net = ActorCritic(build, observations.shape[0], int(actions.n))
        return PPO(net.to(args.device), learning)

    return Run(NAME, "CartPole-v1", make_agent, run, args)()


if __name__ == "__main__":
    main()
