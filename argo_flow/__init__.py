"""Argo's YAML as a flow graph, and a local runner that executes it.

parse   YAML text → graph; every key is mapped, carried or reported
graph   what the documents say: templates, call sites, conditions, retries. No I/O, no engine
check   references and variables: what a controller would find out too late
local   runs the graph's steps as processes on this machine. It is not Argo
"""
