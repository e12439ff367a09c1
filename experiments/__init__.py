"""The plays: command line, studies, evaluation, figures and benchmark."""
