"""Attribution: which parts of an image a class's score depends on.

`gradients` differentiates the score at the image, `cams` at a feature map. `perturbations` changes
the image many times and uses no gradients. `faithfulness` tests whether to believe a map.
"""
