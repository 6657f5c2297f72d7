"""The contracts every part relies on. Standard library only, so a step pod can import them."""
