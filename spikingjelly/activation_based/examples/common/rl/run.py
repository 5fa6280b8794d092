"""One run: the command line, the training until the target is reached, the test, and what is left in the folder."""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from tqdm import tqdm

from spikingjelly.activation_based.examples.common import flags, pictures, run_folder
from spikingjelly.activation_based.examples.common.rl import curve
from spikingjelly.activation_based.examples.common.rl.environments import Environments, evaluate, import_gymnasium
from spikingjelly.activation_based.examples.common.rl.settings import add_flags, from_flags, setting

TEST_SEED = 1_000_000  # added to the seed, so that no episode of the test was seen in training


class Agent(Protocol):
    """What learns: :class:`DQN`, :class:`A2C`, :class:`PPO`, :class:`TD3`."""

    @property
    def net(self) -> nn.Module:
        """All that is learned."""

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What changes it."""

    def improve(self, environments: Environments) -> dict[str, float]:
        """Take some steps, learn from them; gives scalars to write down."""

    def greedy(self, observation: torch.Tensor) -> torch.Tensor:
        """The best actions the agent knows for observations ``[N, *]``, without exploration."""


@dataclass(frozen=True)
class RunSettings:
    """What can be set about a run."""

    envs: int = setting(16, "environments side by side", at_least=1)
    steps: int = setting(500_000, "most steps, all environments together", at_least=1)
    target: float = setting(475.0, "mean return of the last episodes at which training ends", at_least=-math.inf)
    window: int = setting(100, "number of these episodes", at_least=1)
    test_episodes: int = setting(100, "episodes of the test in the end", at_least=1)
    seed: int = setting(0, "seed of all random numbers")


@dataclass(frozen=True)
class Result:
    """What came out of a run.

    :ivar test_return: mean return of the greedy policy over fresh episodes
    :ivar steps: steps of training
    :ivar reached: whether the target was reached in training
    """

    test_return: float
    steps: int
    reached: bool


def command_line(
    name: str, documentation: str | None, argv: Sequence[str] | None, *defaults: Any, actors: Sequence[str] = ()
) -> tuple[argparse.Namespace, list[Any]]:
    """Read the flags of an example.

    :param documentation: of the example; its first line describes the program
    :param actors: what ``-actor`` may be; without any there is no such flag
    :param defaults: dataclasses of settings, each field of which has a flag

    :return: the flags that are no settings, and the settings in the order of ``defaults``
    """
    parser = argparse.ArgumentParser(
        prog=name, description=(documentation or "").partition("\n")[0], allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    best_device = "cuda:0" if torch.cuda.is_available() else "cpu"
    parser.add_argument("-device", "--device", default=best_device, help="where to compute")
    parser.add_argument(
        "-out-dir", "--out-dir", type=Path, default=Path("logs"), help="where checkpoints, scalars and picture go"
    )
    parser.add_argument(
        "-checkpoint", "--checkpoint", type=Path, help="don't train: test the network of this checkpoint file"
    )
    if actors:
        parser.add_argument("-actor", "--actor", choices=actors, default=actors[0], help="kind of the actor")
    for settings in defaults:
        add_flags(parser, settings)
    args = parser.parse_args(argv)
    args.command = flags.command_of(f"spikingjelly.activation_based.examples.{name}", argv)
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error(f"-device {args.device}: this PyTorch finds no CUDA device; use -device cpu")
    if args.checkpoint is not None and not args.checkpoint.is_file():
        parser.error(f"-checkpoint {args.checkpoint}: there is no such file")
    try:
        import_gymnasium()
    except ImportError as error:
        parser.error(str(error))
    return args, [from_flags(parser, args, settings) for settings in defaults]


class Run:
    """A named run of one agent in one kind of environment.

    :param name: of the example; also of the folder in ``-out-dir``
    :param environment: as gymnasium knows it
    :param make_agent: observation space, action space -> agent; called after the seed is set
    """

    def __init__(
        self, name: str, environment: str, make_agent: Callable[[Any, Any], Agent], settings: RunSettings,
        args: argparse.Namespace,
    ) -> None:  # fmt: skip
        torch.manual_seed(settings.seed)
        self.name = name
        self.environment = environment
        self.settings = settings
        self.device = torch.device(args.device)
        self.folder = args.out_dir / f"{name}_seed{settings.seed}"
        self.args = args
        self.environments = Environments(environment, settings.envs, settings.seed, self.device)
        self.agent = make_agent(self.environments.observation_space, self.environments.action_space)

    def __call__(self) -> Result:
        """Train, or read the checkpoint; then test."""
        checkpoint = self.args.checkpoint
        if checkpoint is not None:
            self.agent.net.load_state_dict(run_folder.load_checkpoint(checkpoint)["net"])
        else:
            self._train()
        self.environments.close()
        returns = self.test()
        mean = sum(returns) / len(returns)
        print(
            f"Test: mean return {mean:.1f} over {len(returns)} fresh episodes, from {min(returns):.1f} to "
            f"{max(returns):.1f}."
        )
        if checkpoint is None:
            self._record(returns)
        return Result(mean, self.environments.steps, self.reached)

    @property
    def reached(self) -> bool:
        """Whether the mean return of the last episodes has come to the target."""
        full = len(self.environments.episodes) >= self.settings.window
        return full and self.mean_return >= self.settings.target

    @property
    def mean_return(self) -> float:
        """Mean return of the last episodes of training, NaN before the first one has ended."""
        return self.environments.mean_return(self.settings.window)

    def test(self) -> list[float]:
        """Returns of the greedy policy in fresh episodes."""
        seed = self.settings.seed + TEST_SEED
        return evaluate(self.agent.greedy, self.environment, self.settings.test_episodes, seed, self.device)

    def _train(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        no_picture = pictures.matplotlib_is_missing()
        began = time.perf_counter()
        self._learn()
        self._save()
        print(
            f"{self.name}: mean return {self.mean_return:.1f} over the last {self.settings.window} of "
            f"{len(self.environments.episodes)} episodes, after {self.environments.steps} steps in "
            f"{(time.perf_counter() - began) / 60:.1f} minutes.{'' if self.reached else ' The target was not reached.'}"
        )
        if not no_picture:
            picture = self.folder / "returns.png"
            curve.draw(picture, self.name, self.environments.episodes, self.settings.target, self.settings.window)
            print(f"Picture: {picture.resolve()}")

    def _learn(self) -> None:
        scalars = run_folder.Scalars(self.folder, purge_step=0)
        written, saved = 0, 0
        with tqdm(total=self.settings.steps, unit="step", desc=self.name) as bar:
            while self.environments.steps < self.settings.steps and not self.reached:
                losses = self.agent.improve(self.environments)
                bar.update(self.environments.steps - bar.n)
                episodes = self.environments.episodes
                if len(episodes) == written:
                    continue
                mean = self.mean_return
                bar.set_postfix(episodes=len(episodes), mean_return=f"{mean:.1f}", refresh=False)
                for step, value in episodes[written:]:
                    scalars.add(step, episode_return=value)
                scalars.add(self.environments.steps, mean_return=mean, **losses)
                written = len(episodes)
                if self.environments.steps - saved >= self.settings.steps / 50:
                    self._save()
                    saved = self.environments.steps
        scalars.close()

    def _record(self, returns: list[float]) -> None:
        training = {
            "episodes": len(self.environments.episodes),
            "steps": self.environments.steps,
            "mean_return": self.mean_return,
            "reached": self.reached,
        }
        test = {
            "episodes": len(returns),
            "mean_return": sum(returns) / len(returns),
            "lowest_return": min(returns),
            "highest_return": max(returns),
        }
        outcome = {"training": training, "test": test}
        run_folder.save_record(self.folder / "run.json", self.args, self.environment, outcome)

    def _save(self) -> None:
        state = {
            "net": self.agent.net.state_dict(),
            "optimizer": self.agent.optimizer.state_dict(),
            "epoch": self.environments.steps,
            "mean_return": self.mean_return,
        }
        run_folder.save_checkpoint(self.folder / "checkpoint_latest.pth", state)
