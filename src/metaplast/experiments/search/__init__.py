"""Searches for what should learn, and by which mechanism."""
