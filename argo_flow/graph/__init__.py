"""The flow graph of a set of Argo documents, independent of who executes it.

The layers are never merged: documents hold templates, templates hold call sites (a step of a group, a task of
a DAG), and what happens at run time (nodes, attempts) is described by rules over phases, not enumerated.
"""
