"""The families of networks, a file each.

They are a folder below `cnnkit.models` because a module `models.vgg` would hide the function
`models.vgg` as soon as anything imported it.
"""
