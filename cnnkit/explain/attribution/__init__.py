"""Which parts of an image a class's score hangs on: a heat map an image, by ten methods.

`pixels`: gradients at the image. `cams`: gradients at a feature map. `masks`: no gradients, but
many changed images. `sanity`: whether to believe a map.
"""
