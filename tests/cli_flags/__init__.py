"""`crossover flags` and `crossover audit` as their own processes, against a real bridge with a real Redis."""
