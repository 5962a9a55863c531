"""A published table of one run per arm: what its differences can and cannot carry."""
