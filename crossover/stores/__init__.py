"""State that replicas share or keep: slots, flags, decisions, outcomes, rates, the audit."""
