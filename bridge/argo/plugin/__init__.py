"""Argo's executor plugin: its agent asks, again and again, what became of a node.

Source: argo-workflows, pkg/plugins/executor/template_executor_plugin.go and workflow/executor/agent.go.
"""
