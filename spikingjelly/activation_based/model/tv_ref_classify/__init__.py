"""Parts of a training of image classifiers: processes, metrics, mixing of images, sampling, augmentation.

The names are those of torchvision's reference scripts, which published code imports from here.
"""
