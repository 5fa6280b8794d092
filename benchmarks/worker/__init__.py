"""What runs in the process of one contender. It imports torch, numpy and that contender, nothing else of ours."""
