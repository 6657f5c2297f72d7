"""`crossover plugin serve`: the executor plugin beside Argo's agent, one in every agent pod.

It starts with each workflow, on a fraction of a core: so it is a small server before a pool of connections.
"""
