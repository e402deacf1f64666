"""Task families; `FAMILIES` names them."""

from metaplast.tasks.association import DelayedAssociation
from metaplast.tasks.base import Family, Problem, Trial
from metaplast.tasks.matching import DelayedMatch
from metaplast.tasks.recall import GoNoGoRecall
from metaplast.tasks.rotated import RotatedImages

FAMILIES: dict[str, type[Family]] = {
    "delayed-match": DelayedMatch,
    "go-no-go-recall": GoNoGoRecall,
    "delayed-association": DelayedAssociation,
    "rotated-images": RotatedImages,
}

__all__ = [
    "FAMILIES",
    "DelayedAssociation",
    "DelayedMatch",
    "Family",
    "GoNoGoRecall",
    "Problem",
    "RotatedImages",
    "Trial",
]
