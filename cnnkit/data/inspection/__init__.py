"""What is wrong with a folder of images, and how to set it right."""
