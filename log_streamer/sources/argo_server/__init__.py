"""What an Argo Server knows of a trace: workflows, their pods' logs, and logs that it has archived."""
