"""A third BFF, for measuring: the schema of the benchmark that bench/README.md names, over its one REST upstream."""
