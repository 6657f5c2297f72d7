"""Both services as real processes, with an attacker among their callers."""
