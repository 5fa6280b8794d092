"""CartPole-v1 by deep Q-learning with a conventional network.

``python -m spikingjelly.activation_based.examples.DQN_state -seed 0``

Needs ``pip install "spikingjelly[rl]"``. Training ends when the mean return of the last 100 episodes has reached
``-target``, 400 of at most 500. The greedy policy is then tested on 100 fresh episodes. Checkpoint, TensorBoard
scalars, ``run.json`` (flags, versions, what training and test came to) and a picture of the learning curve lie in
``-out-dir``.
"""

from collections.abc import Sequence
from typing import Any

from spikingjelly.activation_based.examples.common.rl.dqn import DQN, DQNSettings
from spikingjelly.activation_based.examples.common.rl.networks import MLP, MLPSettings
from spikingjelly.activation_based.examples.common.rl.run import Result, Run, RunSettings, command_line

NAME = "DQN_state"
RUN = RunSettings(envs=4, target=400.0)
LEARNING = DQNSettings()
NETWORK = MLPSettings()


def main(argv: Sequence[str] | None = None) -> Result:
    """Train and test with the flags of ``argv``."""
    args, (run, learning, network) = command_line(NAME, __doc__, argv, RUN, LEARNING, NETWORK)

    def make_agent(observations: Any, actions: Any) -> DQN:
        net = MLP(observations.shape[0], int(actions.n), network.hidden)
        return DQN(net.to(args.device), learning)

    return Run(NAME, "CartPole-v1", make_agent, run, args)()


if __name__ == "__main__":
    main()
