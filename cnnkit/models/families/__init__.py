"""A file a family. They stand a folder deeper than the factories' names: a module `models.vgg` would
take the place of the function `models.vgg` as soon as anything imports it."""
