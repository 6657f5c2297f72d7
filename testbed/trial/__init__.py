"""The image of trials: Crossover's content, a Redis, Temporal's dev server, the sample application, a shell.

Never for anything that matters: it is what the testbed and the chart's trial settings run.
"""
