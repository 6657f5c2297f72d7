"""`crossover flags` and `crossover audit`: flags, rollouts and the audit from a terminal, over HTTP alone."""
