"""Doubles we ship and test: small real classes that stand where time, observers and token issuers stand."""
