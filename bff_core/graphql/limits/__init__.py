"""Limits: what one document may ask for, told before it is validated or executed, in steps linear in its length."""
