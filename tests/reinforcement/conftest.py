"""An environment whose every step is known in advance."""

from typing import Any

import numpy as np
import pytest


@pytest.fixture
def clock() -> str:
    """The name of an environment that observes the time ``[t]``, rewards a step from t with 10 t + action, and
    terminates after 3 steps; with action 1 at t = 1 its time limit is over after that step."""
    gymnasium = pytest.importorskip("gymnasium", reason="needs gymnasium: pip install gymnasium")

    class Clock(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0.0, 10.0, (1,), np.float32)
        action_space = gymnasium.spaces.Discrete(2)

        def _observation(self) -> np.ndarray:
            return np.array([self.t], dtype=np.float32)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
            super().reset(seed=seed)
            self.t = 0
            return self._observation(), {}

        def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
            reward, truncated = 10.0 * self.t + float(action), self.t == 1 and action == 1
            self.t += 1
            return self._observation(), reward, self.t == 3, truncated, {}

    name = "Clock-v0"
    gymnasium.register(name, entry_point=Clock)
    yield name
    del gymnasium.registry[name]
