"""CartPole-v1 by proximal policy optimization with a conventional network.

``python -m spikingjelly.activation_based.examples.PPO -seed 0``

Needs ``pip install "spikingjelly[rl]"``. Training ends when the mean return of the last 100 episodes has reached
``-target``, 475 of at most 500. The greedy policy is then tested on 100 fresh episodes. Checkpoint, TensorBoard
scalars, ``run.json`` (flags, versions, what training and test came to) and a picture of the learning curve lie in
``-out-dir``.
"""

from collections.abc import Sequence
from typing import Any

from spikingjelly.activation_based.examples.common.rl.networks import MLP, ActorCritic, MLPSettings
from spikingjelly.activation_based.examples.common.rl.ppo import PPO, PPOSettings
from spikingjelly.activation_based.examples.common.rl.run import Result, Run, RunSettings, command_line

NAME = "PPO"
RUN = RunSettings()
LEARNING = PPOSettings()
NETWORK = MLPSettings()


def main(argv: Sequence[str] | None = None) -> Result:
    """Train and test with the flags of ``argv``."""
    args, (run, learning, network) = command_line(NAME, __doc__, argv, RUN, LEARNING, NETWORK)

    def make_agent(observations: Any, actions: Any) -> PPO:
        def build(inputs: int, outputs: int) -> MLP:
            return MLP(inputs, outputs, network.hidden)

        net = ActorCritic(build, observations.shape[0], int(actions.n))
        return PPO(net.to(args.device), learning)

    return Run(NAME, "CartPole-v1", make_agent, run, args)()


if __name__ == "__main__":
    main()
