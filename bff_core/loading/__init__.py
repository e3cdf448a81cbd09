"""The request's scope and its loaders: keys in, outcomes out."""
