"""`crossover template`: the WorkflowTemplates of `argo_templates`, listed and filled in."""
