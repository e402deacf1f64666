"""Sweeps over learning rates."""
