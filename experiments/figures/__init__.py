"""Figures: one day of a run, all its days, its microgrids and fleets of cars, and the feeder with its fleet."""

from experiments.figures.day import day_figure
from experiments.figures.network import network_figure
from experiments.figures.overview import overview_figure
from experiments.figures.style import save_figure

__all__ = ["day_figure", "network_figure", "overview_figure", "save_figure"]
