"""Bench: what this kernel costs, beside its peers and in its parts. No part of what is served or shipped."""
