"""Hard negatives: more background is cut out than is learnt from, and what the network knows already is dropped.

Online hard example mining (arXiv 1604.03540), for the background alone. It costs a forward pass over the crops, and
nothing is kept from step to step, so that a step still depends on the seed, its number and the weights.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from detection.training.batches import Batch


def keep_hardest(batch: Batch, logits: Tensor) -> Batch:
    """A batch without what is to spare: in each of its groups, the background that ``logits`` (N, K + 1) tell best.

    The background of a group is judged against itself, as in the paper, so that it does not matter which process has
    the group. The others stay in their order.
    """
    losses = F.cross_entropy(logits.float(), torch.zeros_like(batch.classes), reduction="none")
    losses[batch.classes > 0] = torch.inf
    kept, start = [], 0
    for count, spare in batch.groups.tolist():
        hardest = losses[start : start + count].argsort(descending=True, stable=True)
        kept.append(start + hardest[: count - spare].sort().values)
        start += count
    rows = torch.cat(kept)
    here = rows.cpu().numpy()
    return batch._replace(
        crops=batch.crops[rows].contiguous(memory_format=torch.channels_last),
        classes=batch.classes[rows],
        regions=batch.regions[rows],
        matches=batch.matches[rows],
        images=batch.images[here],
        groups=np.stack([batch.groups[:, 0] - batch.groups[:, 1], np.zeros(len(batch.groups), np.int64)], axis=1),
    )
