"""Inbound HTTP and the journey of a request, up to the page that developers explore it with."""
