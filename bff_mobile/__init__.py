"""The mobile BFF: screens as flat cards, worded for the locale."""
