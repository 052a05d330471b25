"""Training: the paper's two networks, its recipe, runs that survive a kill, and reports that show their uncertainty."""
