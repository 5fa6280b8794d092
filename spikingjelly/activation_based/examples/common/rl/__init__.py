"""What the reinforcement-learning examples share: environments, memories, networks, algorithms, and one run."""
