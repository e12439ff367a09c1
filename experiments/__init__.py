"""Use of the co-simulation: command line, studies, evaluation, sweeps, reproduction, figures and benchmark."""
