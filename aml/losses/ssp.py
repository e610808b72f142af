"""Contextual similarity to a codebook of the teacher's space (Wu et al., arXiv 2403.00648)."""

import numpy as np
import torch
from torch.nn.functional import kl_div, normalize

MEMBERS = ("self",)


def ssp(
    anchors: torch.Tensor,
    references: torch.Tensor,
    *,
    bank: torch.Tensor,
    num_subvectors: int,
    num_centroids: int,
    sharpness: float,
) -> torch.Tensor:
    """Return the mean over images i and sub-vectors m of KL(softmax(s g_im . c_m) || softmax(s f_im . c_m)).

    Descriptors are split into num_subvectors parts, and each part is L2-normalised; f_im are the student's parts, g_im
    the teacher's, s is `sharpness`. bank: the centroids c (num_subvectors, num_centroids, D / num_subvectors) by the
    function `bank`, normalised here. In the authors' code they are 32 times 256, the sharpness is 10.

    Raises ValueError for a bank of another shape.
    """
    if bank.shape != (num_subvectors, num_centroids, anchors.shape[1] // num_subvectors):
        raise ValueError(
            f"ssp: bank {tuple(bank.shape)}; accepted: ({num_subvectors}, {num_centroids}, "
            f"{anchors.shape[1]} / {num_subvectors})"
        )
    if len(anchors) == 0:
        return anchors.sum()
    centroids = normalize(bank.to(anchors), dim=2)

    def log_similarities(descriptors: torch.Tensor) -> torch.Tensor:
        parts = normalize(descriptors.unflatten(1, (num_subvectors, -1)), dim=2)  # (B, M, D / M)
        products = (parts.unsqueeze(2) * centroids).sum(dim=3)
        return (sharpness * products).log_softmax(dim=2).flatten(0, 1)

    target = log_similarities(references[:, 0])
    return kl_div(log_similarities(anchors), target, reduction="batchmean", log_target=True)


def bank(descriptors: np.ndarray, *, num_subvectors: int, num_centroids: int, **others: float) -> torch.Tensor:
    """Return centroids of the parts of the teacher's descriptors (N, D), as `ssp` needs them, float32.

    They are those of faiss's product quantiser after 10 iterations, the better of 2 starts, as in the authors' code.
    Raises ValueError where the parts do not divide D, num_centroids is not a power of 2, or N is smaller.
    """
    import faiss

    (count, dimension), bits = descriptors.shape, num_centroids.bit_length() - 1
    if dimension % num_subvectors or num_centroids != 2**bits or count < num_centroids:
        raise ValueError(
            f"ssp: num_subvectors {num_subvectors}, num_centroids {num_centroids} for {count} descriptors of "
            f"{dimension} numbers; accepted: a divisor of {dimension}, and a power of 2 of at most {count}"
        )
    quantiser = faiss.ProductQuantizer(dimension, num_subvectors, bits)
    quantiser.cp.niter, quantiser.cp.nredo, quantiser.cp.min_points_per_centroid = 10, 2, 1
    quantiser.train(np.ascontiguousarray(descriptors, np.float32))
    centroids = faiss.vector_to_array(quantiser.centroids)
    return torch.from_numpy(centroids.reshape(num_subvectors, num_centroids, -1))
