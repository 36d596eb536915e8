"""MultiBox (Erhan et al., arXiv 1312.2249): a network looks once at the whole image and says where objects are.

``priors`` are typical boxes; ``head`` looks at each, and answers with a better box and a confidence; ``proposer`` makes
proposals of the answers.
"""

from detection.proposals.multibox.head import MultiBoxHead, MultiBoxSettings
from detection.proposals.multibox.proposer import MultiBox

__all__ = ["MultiBox", "MultiBoxHead", "MultiBoxSettings"]
