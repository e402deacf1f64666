"""Sweeps over learning rates: what each came to, and which is chosen."""
