"""Searches for allocations: what was tried, what it cost, and how far ahead the choice is."""
