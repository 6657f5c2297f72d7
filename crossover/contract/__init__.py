"""The contracts every part relies on. Standard library only: a step pod and a workflow sandbox can import them."""
