"""GoogLeNet (arXiv 1409.4842, Table 1), its weights, and classification with it; knows nothing of detection.

from backbone.weights import load_backbone
network, preprocessing, class_names = load_backbone("bvlc_googlenet")
"""
