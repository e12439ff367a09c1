"""Figures: one day of a run for the reader without the paper, and the feeder with its fleet."""

from experiments.figures.day import day_figure
from experiments.figures.network import network_figure
from experiments.figures.style import save_figure

__all__ = ["day_figure", "network_figure", "save_figure"]
