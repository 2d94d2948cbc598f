"""Datasets of your own: folders and tables of images, sounds or texts."""
