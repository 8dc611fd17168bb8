"""Trainers that come with the package."""
