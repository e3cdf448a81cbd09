"""The request's scope and its loader: keys in, outcomes out."""
