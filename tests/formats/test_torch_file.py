"""Exported PyTorch programs, served from a few lines of conf."""
