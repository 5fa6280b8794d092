"""What a training of image classifiers is made of."""
