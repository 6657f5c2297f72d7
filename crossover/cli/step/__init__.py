"""`crossover step run`: one Argo step as one Temporal run, from inside the step's pod.

Standard library only, and from this project only `crossover.contract` and `crossover.errors`, so that any
Python image can run it. The parts, in the order a step meets them:

    arguments → options (environment)   what was asked, by flags and CROSSOVER_* variables
    start                               the request that starts or attaches
    client (credentials) → inbox        one HTTP exchange at a time; signals come in beside the replies
    replies, view                       what a reply means
    outage → session                    riding out a bridge that is away
    watch → terminal, outputs           what a person sees and what Argo reads
    stopping                            what SIGTERM and Ctrl-C mean
    command                             all of it, and the exit code
"""
