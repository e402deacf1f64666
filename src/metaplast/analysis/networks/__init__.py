"""Saved networks: where their parameters go, how their neurons behave, what losing them costs."""
