"""The commands of an Argo step's pod: `crossover step run`, `decide` and `outcome`.

Standard library only, and from this project only `crossover.contract` and `crossover.errors`, so that any
Python image can run it. `run` is one Argo step as one Temporal run; its parts, in the order they are met:

    settings → arguments → options (values, environment)   what was asked, by flags and CROSSOVER_* variables
    start                               the request that starts or attaches
    client (credentials) → inbox        one HTTP exchange at a time; signals come in beside the replies
    replies, view                       what a reply means
    outage → asking → session           riding out a bridge that is away
    watch → terminal, outputs           what a person sees and what Argo reads
    stopping                            what SIGTERM and Ctrl-C mean
    life → command                      all of it, and the exit code

`decide` (decision) asks which way a node goes, `outcome` (result) tells how one of its sides went.
"""
