"""The techniques that a recipe may name: one file each, in one explicit table."""

from tasks.compression.technique import StepReader
from tasks.compression.techniques.cluster import Cluster
from tasks.compression.techniques.convert import Convert
from tasks.compression.techniques.distill import Distill
from tasks.compression.techniques.factorize import Factorize
from tasks.compression.techniques.fine_tune import FineTune
from tasks.compression.techniques.pack import Pack
from tasks.compression.techniques.prune import Prune
from tasks.compression.techniques.prune_channels import PruneChannels
from tasks.compression.techniques.prune_vocabulary import PruneVocabulary
from tasks.compression.techniques.quantize import Quantize
from tasks.compression.techniques.unroll import Unroll
from tasks.compression.techniques.width_to_depth import WidthToDepth

TECHNIQUES: dict[str, StepReader] = {
    "prune": Prune,
    "prune_channels": PruneChannels,
    "prune_vocabulary": PruneVocabulary,
    "cluster": Cluster,
    "factorize": Factorize,
    "fine_tune": FineTune,
    "distill": Distill,
    "unroll": Unroll,
    "width_to_depth": WidthToDepth,
    "quantize": Quantize,
    "convert": Convert,
    "pack": Pack,
}
