"""Documents: what a request names by an id, and under which policy a text may run; knows no HTTP and no schema."""
