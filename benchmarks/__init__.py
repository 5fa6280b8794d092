"""Speed, one row a claim: ``python -m benchmarks``. A row is printed only after its numerics agree."""
