"""Containers of a Docker or Podman host, through the Engine API on a unix socket."""
