"""Pendulum-v1, a task with continuous actions, with a spiking actor and populations of neurons.

``python -m spikingjelly.activation_based.examples.spiking_actor_pendulum -actor ilc -seed 0``

``-actor ilc`` has connections inside the populations of its output and explores by noise on the actions (ILC-SAN);
``-actor noisy`` has noise in its neurons and explores by it (Noisy-SAN). Both learn by TD3 with two critics that
don't spike. Random actions have a mean return of about -1200; swinging the pendulum up and holding it has about -150.

Needs ``pip install "spikingjelly[rl]"``. Training ends when the mean return of the last 20 episodes has reached
``-target``. The actor is then tested without noise on 100 fresh episodes. Checkpoint, TensorBoard scalars, ``run.json``
(flags, versions, what training and test came to) and a picture of the learning curve lie in ``-out-dir``.
"""

from collections.abc import Sequence
from typing import Any

from spikingjelly.activation_based.examples.common.rl.actors import (
    ActorSettings,
    NoisyActor,
    SpikingActor,
    intra_layer_actor,
)
from spikingjelly.activation_based.examples.common.rl.run import Result, Run, RunSettings, command_line
from spikingjelly.activation_based.examples.common.rl.td3 import (
    TD3,
    ActionNoise,
    Exploration,
    NeuronNoise,
    TD3Settings,
    TwinCritic,
)

NAME = "spiking_actor_pendulum"
RUN = RunSettings(envs=4, steps=40_000, target=-200.0, window=20)
LEARNING = TD3Settings()
NETWORK = ActorSettings()
CRITIC_NEURONS = 128  # of each hidden layer


def main(argv: Sequence[str] | None = None) -> Result:
    """Train and test with the flags of ``argv``."""
    args, settings = command_line(NAME, __doc__, argv, RUN, LEARNING, NETWORK, actors=("ilc", "noisy"))
    run, learning, network = settings

    def make_agent(observations: Any, actions: Any) -> TD3:
        inputs, outputs = observations.shape[0], actions.shape[0]
        actor: SpikingActor
        exploration: Exploration
        if args.actor == "noisy":
            actor, exploration = NoisyActor(inputs, outputs, network), NeuronNoise()
        else:
            actor, exploration = intra_layer_actor(inputs, outputs, network), ActionNoise(learning.action_noise)
        critic = TwinCritic(inputs, outputs, CRITIC_NEURONS)
        scale = float(actions.high[0])
        return TD3(actor.to(args.device), critic.to(args.device), exploration, scale, learning)

    return Run(f"{NAME}_{args.actor}", "Pendulum-v1", make_agent, run, args)()


if __name__ == "__main__":
    main()
