"""What users run: command line, studies, evaluation, figures and benchmark."""
