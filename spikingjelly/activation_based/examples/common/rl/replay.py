"""What an agent remembers."""

import torch


class ReplayBuffer:
    """The last ``capacity`` transitions, each a set of tensors with names; the oldest make room for new ones.

    The first :meth:`add` decides which tensors there are and how they look.

    :param capacity: number of transitions, at least 1
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"ReplayBuffer: capacity must be at least 1, but {capacity} was given")
        self.capacity = capacity
        self._stored: dict[str, torch.Tensor] = {}
        self._size = 0
        self._next = 0

    def __len__(self) -> int:
        return self._size

    def add(self, **tensors: torch.Tensor) -> None:
        """Remember E transitions.

        :param tensors: by name, each ``[E, *]``

        :raises ValueError: for other names or shapes than before, and for more transitions than the capacity
        """
        (count, *others) = {len(tensor) for tensor in tensors.values()}
        if others or count > self.capacity:
            raise ValueError(
                f"ReplayBuffer: the tensors must hold the same number of transitions, at most {self.capacity}, but "
                f"have the shapes {self._shapes(tensors, drop=0)}"
            )
        if not self._stored:
            self._stored = {name: t.new_empty(self.capacity, *t.shape[1:]) for name, t in tensors.items()}
        given, expected = self._shapes(tensors), self._shapes(self._stored)
        if given != expected:
            raise ValueError(f"ReplayBuffer: a transition has the shapes {expected}, but {given} was given")
        places = (self._next + torch.arange(count)) % self.capacity
        for name, tensor in tensors.items():
            self._stored[name][places.to(tensor.device)] = tensor.detach()
        self._next = (self._next + count) % self.capacity
        self._size = min(self._size + count, self.capacity)

    def sample(self, count: int) -> dict[str, torch.Tensor]:
        """``count`` transitions, drawn independently and uniformly with torch's generator: ``[count, *]`` by name.

        :raises ValueError: if nothing has been added yet
        """
        if not self._size:
            raise ValueError("ReplayBuffer: nothing to sample from; add transitions first")
        places = torch.randint(self._size, (count,))
        return {name: tensor[places.to(tensor.device)] for name, tensor in self._stored.items()}

    @staticmethod
    def _shapes(tensors: dict[str, torch.Tensor], drop: int = 1) -> dict[str, list[int]]:
        return {name: list(tensor.shape[drop:]) for name, tensor in sorted(tensors.items())}
