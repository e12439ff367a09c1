"""Figures: one day of a run, all its days, what stands behind its ports, and the feeder with its fleet."""

from experiments.figures.day import day_figure
from experiments.figures.network import network_figure
from experiments.figures.overview import overview_figure
from experiments.figures.port_figures import port_figures
from experiments.figures.style import save_figure

__all__ = ["day_figure", "network_figure", "overview_figure", "port_figures", "save_figure"]
