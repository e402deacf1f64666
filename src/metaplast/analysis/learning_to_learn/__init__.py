"""Sequences of problems: what each next one costs, and how conditions compare."""
