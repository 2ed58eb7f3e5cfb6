import skops
