"""The PyPI package ``selectivesearch`` (0.4) behind the same protocol: the second engine, to compare with.

What is known of it, from its source: colours are counted over 0 to 255, where hue, saturation and value lie in 0 to 1,
and texture over 0 to 1, where local binary patterns lie in 0 to 255, so that both histograms hardly tell regions apart;
regions are neighbours if the corner of one's box lies in the other's; there is one hierarchy; every merge sorts the
whole list of similarities, which takes seconds for an image of width 500 and hours for one of 12 megapixels. A box ends
one pixel early; that alone is mended here.
"""

from __future__ import annotations

import dataclasses
import warnings
from importlib.metadata import version

import numpy as np

from detection.proposals.base import JSON
from detection.proposals.frame import from_frame, to_frame
from detection.proposals.selective_search.order import in_order
from detection.structures import Proposals, RGBImage

# scikit-image's, at every call: the package takes local binary patterns of floats
warnings.filterwarnings("ignore", message="Applying `local_binary_pattern` to floating-point", category=UserWarning)


@dataclasses.dataclass(frozen=True)
class SelectiveSearchPackage:
    """The package with its own parameters (``scale``, ``sigma``, ``min_size``) and ours, which mean the same as there.

    Raises ``ModuleNotFoundError`` where the package is not installed.
    """

    scale: float = 1.0
    sigma: float = 0.8
    min_size: int = 50
    superpixel_scale: float = 1.0
    width: int | None = 500
    min_side: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        try:
            import selectivesearch  # noqa: F401
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"the engine selectivesearch-package needs a package that is not installed ({error.name}): "
                "pip install selectivesearch, or use the engine selective-search"
            ) from error

    @property
    def settings(self) -> dict[str, JSON]:
        numbers = {name: float(getattr(self, name)) for name in ("scale", "sigma", "superpixel_scale")}
        return {
            "method": "selectivesearch-package",
            "version": version("selectivesearch"),
            **dataclasses.asdict(self),
            **numbers,  # 2 and 2.0 are one setting, in a store's key too
        }

    def __call__(self, image: RGBImage) -> Proposals:
        """Proposals in the frame of ``image``, in the order of our engine; raises ``ValueError`` as it does."""
        import selectivesearch

        frame = to_frame(image, self.width)
        _, regions = selectivesearch.selective_search(
            frame, self.scale * self.superpixel_scale, self.sigma, round(self.min_size * self.superpixel_scale)
        )
        rectangles = np.array([region["rect"] for region in regions], np.int32)  # (R, 4) x y and last minus first
        extents = np.concatenate([rectangles[:, :2], rectangles[:, :2] + rectangles[:, 2:]], axis=1)
        boxes, scores = in_order([extents], self.seed)
        return from_frame(boxes, scores, frame, image, self.min_side)
