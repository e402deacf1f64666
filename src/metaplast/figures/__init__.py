"""Figures, drawn from run directories alone; the only place that knows Matplotlib."""
