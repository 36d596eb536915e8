"""Run by an interpreter whose OpenCV has the contrib modules: superpixels of its GraphSegmentation.

Reads arrays `0`, `1`, ... of an .npz file (images), and writes arrays `0 k min_size` (labels) to a second one.
"""

import sys

import cv2
import numpy as np

images, found = np.load(sys.argv[1]), {}
for name in images.files:
    for scale in sys.argv[3:]:
        k, min_size = scale.split(",")
        segmentation = cv2.ximgproc.segmentation.createGraphSegmentation(0.8, float(k), int(min_size))
        found[f"{name} {scale}"] = segmentation.processImage(images[name])
np.savez(sys.argv[2], **found)
