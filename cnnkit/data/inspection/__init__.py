"""Find out what is wrong with a folder of images, and move bad files away and back."""
