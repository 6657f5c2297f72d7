"""Sample applications: what a team that uses Crossover writes itself."""
