"""The usual loss: each row's cross entropy for classes, half the squared error for numbers; shapes never broadcast."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from ...errors import SettingsError

WAY_OUT = "give loss=, from the result and the targets to one number a row"


def usual_loss(result: Tensor, targets: Tensor) -> Float[Tensor, " rows"]:
    """The loss of each row in nats, the mean over what belongs to it, in float32 at least.

    Whole numbers are classes: of results [rows, classes], [rows, classes, …] or [rows, …, classes], or, with one number
    a row, 0 and 1 of a logit. Others are compared with results of their own shape; a dimension of 1 at the end may be
    missing on one side. Raises SettingsError for other shapes, and for a class that the results do not have.
    """
    result = result.float() if result.dtype.itemsize < 4 else result
    if targets.dtype.is_floating_point:
        error = mse_loss(_alike(result, targets), targets.to(result.dtype), reduction="none")
        return error.reshape(len(targets), -1).mean(1) / 2
    if result.shape == targets.shape or result.shape == (*targets.shape, 1):
        _refuse_unknown_classes(targets, 2)
        loss = binary_cross_entropy_with_logits(
            result.reshape(targets.shape), targets.to(result.dtype), reduction="none"
        )
        return loss.reshape(len(targets), -1).mean(1)
    if targets.dim() == 2 and targets.shape[1] == 1 and result.dim() == 2:
        targets = targets[:, 0]
    last, second = result.shape[:-1] == targets.shape, (result.shape[0], *result.shape[2:]) == targets.shape
    if last and second and targets.dim() > 1:
        raise SettingsError(
            f"results of shape {list(result.shape)} have the classes in either dimension for targets of shape "
            f"{list(targets.shape)}; {WAY_OUT}"
        )
    if result.dim() < 2 or not (last or second):
        raise _unfit(result, targets)
    scores = result.movedim(-1, 1) if last else result
    _refuse_unknown_classes(targets, scores.shape[1])
    return cross_entropy(scores, targets.long(), reduction="none").reshape(len(targets), -1).mean(1)


def as_logits(result: Tensor, targets: Tensor) -> Tensor:
    """Results for classes as logits: those that are probabilities already, by their logarithm."""
    if targets.dtype.is_floating_point or not result.numel() or bool((result < 0).any() | (result > 1).any()):
        return result
    if result.numel() == targets.numel():
        return (result.float() if result.dtype.itemsize < 4 else result).logit(1e-6)
    return result.clamp(min=1e-6).log() if are_probabilities(result, targets) else result


def are_probabilities(result: Tensor, targets: Tensor) -> bool:
    """Whether results for classes are several a row that sum to 1 in the last dimension."""
    if targets.dtype.is_floating_point or not result.numel() or result.numel() == targets.numel():
        return False
    sums = result.float().sum(-1)
    return bool(((result >= 0) & (result <= 1)).all()) and bool(((sums - 1).abs() < 1e-3).all())


def labelled(result: Tensor, targets: Tensor) -> Tensor:
    """Targets that are 0.0 or 1.0 as whole numbers, those of one in each row as its place, where results are logits.

    Results that hardly leave 0 to 1 are fitted to such targets as numbers.
    """
    if not bool(((targets == 0) | (targets == 1)).all()) or not bool(
        (result < -1).any() | (result > 2).any()
    ):
        return targets
    one_hot = targets.dim() == 2 and targets.shape[1] > 1 and bool((targets.sum(1) == 1).all())
    return targets.argmax(1) if one_hot else targets.long()


def guessing_loss(targets: Tensor) -> float | None:
    """The usual loss of who knows how often each target comes and nothing else; None where all are alike.

    Entropy of the classes, in nats; half the variance of numbers, the mean over the outputs.
    """
    if targets.dtype.is_floating_point:
        loss = float(targets.double().var(0, correction=0).mean()) / 2
    else:
        share = torch.unique(targets, return_counts=True)[1].double() / targets.numel()
        loss = float(-(share * share.log()).sum())
    return loss or None


def _alike(result: Tensor, targets: Tensor) -> Tensor:
    if (
        result.shape != targets.shape
        and (*result.shape, 1) != targets.shape
        and result.shape != (*targets.shape, 1)
    ):
        raise _unfit(result, targets)
    return result.reshape(targets.shape)


def _unfit(result: Tensor, targets: Tensor) -> SettingsError:
    return SettingsError(
        f"the model gives results of shape {list(result.shape)} for {targets.dtype} targets of shape "
        f"{list(targets.shape)}, which do not fit; give targets of the results' own shape, or {WAY_OUT}"
    )


def _refuse_unknown_classes(targets: Tensor, classes: int) -> None:
    wrong = (targets < 0) | (targets >= classes)
    if bool(wrong.any()):
        place = wrong.nonzero()[0].tolist()
        raise SettingsError(
            f"the target of row {place[0]} is class {int(targets[tuple(place)])}, and the results have {classes} "
            f"classes, 0 to {classes - 1}; number the targets so, or {WAY_OUT} (for rows that do not count, say)"
        )
