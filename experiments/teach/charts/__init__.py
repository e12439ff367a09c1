"""Panels of the page as ECharts options, in the colours and words of :mod:`experiments.figures`."""
