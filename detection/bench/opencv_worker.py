"""OpenCV's selective search as a program of its own, for an interpreter that has opencv-contrib and NumPy alone.

    python opencv_worker.py fast 1          (the mode, fast or quality; how many photos at once)

It reads a line of JSON, a list of ``{"frame": "photo.npy", "boxes": "boxes.npy"}``, searches in those RGB frames,
writes their boxes (R, 4) x1 y1 x2 y2, and answers with a line, ``{"wall": seconds, "cpu": seconds}`` for all of them;
reading and writing files is not counted. See :class:`detection.bench.worker.Worker`.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def search(frame_bgr: NDArray[np.uint8], mode: str) -> NDArray[np.int32]:
    """Boxes (R, 4) of a BGR image, in OpenCV's x y width height."""
    opencv: Any = cv2  # its type information knows nothing of contrib
    searcher = opencv.ximgproc.segmentation.createSelectiveSearchSegmentation()
    searcher.setBaseImage(frame_bgr)
    if mode == "fast":
        searcher.switchToSelectiveSearchFast()
    else:
        searcher.switchToSelectiveSearchQuality()
    return np.asarray(searcher.process(), np.int32)


def main(mode: str, at_once: int) -> None:
    """Answer every line of stdin."""
    cv2.setNumThreads(1)  # what is done at once are photos, as in ours
    with ThreadPoolExecutor(at_once) as pool:
        for line in sys.stdin:
            items = json.loads(line)
            frames = [np.ascontiguousarray(np.load(item["frame"])[:, :, ::-1]) for item in items]
            wall, cpu = time.perf_counter(), time.process_time()
            found = list(pool.map(search, frames, [mode] * len(frames)))
            spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
            for item, xywh in zip(items, found):  # noqa: B905 - the other interpreter may be older than 3.10
                np.save(item["boxes"], np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1))
            sys.stdout.write(json.dumps(spent) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
