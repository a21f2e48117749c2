"""Structured pruning: channels that matter least are taken out, and a smaller network is built."""

from dataclasses import replace
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from tasks.compression.channels.allocation import Limits, Metric
from tasks.compression.channels.criteria import Criterion
from tasks.compression.channels.criteria.probe import Probe
from tasks.compression.channels.latency import Limit, TimedAs, remove_to_latency
from tasks.compression.channels.reading import read_graph
from tasks.compression.channels.removal import Removal, fixed_widths, remove_channels, whole_cost
from tasks.compression.channels.report import changed_layers, claims, skipped_layers
from tasks.compression.records import LatencyTrial
from tasks.compression.technique import Allocation, Context, Kind, Result, Subject, Technique
from tasks.config import Settings


class Budget(Settings):
    """The most that the network may cost: a fraction of what it costs when the step begins, or a number."""

    metric: Annotated[Metric | Literal["latency"], Field(description="what is counted or timed, of one sample")]
    max_ratio: Annotated[float, Field(gt=0, le=1, description="of the network's own")] | None = None
    max: Annotated[int, Field(ge=1, description="in units of the metric; µs of latency")] | None = None

    timed_as: Annotated[TimedAs, Field(description="type of the pruned network when its latency is measured")] = (
        "float32"
    )

    @model_validator(mode="after")
    def _need_one_limit(self) -> "Budget":
        if self.timed_as != "float32" and self.metric != "latency":
            raise ValueError(f"expected timed_as with the metric latency alone. Received: {self.metric}")
        if (self.max is None) == (self.max_ratio is None):
            raise ValueError("expected either max (a number) or max_ratio (of the network's own)")
        return self

    def limit(self, own: float) -> float:
        """Return the budget of a network.

        Args:
            own: what the network costs as it is.
        """
        return float(self.max) if self.max is not None else own * (self.max_ratio or 1.0)


class PruneChannels(Technique):
    """Remove whole filters, in all layers that are tied together, and build the smaller network.

    ================  =================================================================================================
    criterion         a channel matters by
    ================  =================================================================================================
    l1, l2            the norm of its filter (Li et al. 2017, arXiv:1608.08710)
    geometric_median  how far its filter is from the others of the layer (He et al. 2019, arXiv:1811.00250)
    batch_norm_scale  the scale that BatchNorm gives it (Liu et al. 2017, arXiv:1708.06519)
    taylor            the squared first-order change of the loss without it (Molchanov et al. 2019, arXiv:1906.10771)
    sensitivity       the squared first-order change of the logits without it
    greedy            the change of the validation loss without it, measured
    ================  =================================================================================================

    .. code-block:: yaml

        - {technique: prune_channels, criterion: l1, budget: {metric: macs, max_ratio: 0.25}}
        - technique: prune_channels
          criterion: taylor
          budget: {metric: parameters, max: 40000}
          allocation: global
          rounds: 5
          multiple_of: 8
          exclude: [conv2d]
        - technique: prune_channels
          criterion: taylor
          allocation: global
          multiple_of: 8
          budget: {metric: latency, max_ratio: 0.15, timed_as: int8}
        - {technique: prune_channels, criterion: l2, layers: {conv2d: 0.5, conv2d_1: 24}}

    Needs training samples for ``taylor`` (with labels) and ``sensitivity``, validation samples for ``greedy``, and no
    training. The network has lost accuracy afterwards, so that ``fine_tune`` or ``distill`` should follow. A budget of
    latency is met by measuring, on the machine that it runs on; what was timed is in the record, with the budget in
    MACs that gives the same network anywhere. Makes fewer channels, which no later step adds again; keeps clusters.
    Every runtime profits, in size and in time.
    """

    makes: ClassVar[frozenset[Kind]] = frozenset({"channels"})

    technique: Literal["prune_channels"]
    criterion: Annotated[Criterion, Field(description="by what a channel matters")] = "l1"
    budget: Annotated[Budget | None, Field(description="what the network may cost")] = None
    layers: Annotated[
        dict[str, Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, lt=1)]],
        Field(
            default_factory=dict,
            description="layers whose width is fixed: the fraction or the number of channels that stay",
        ),
    ]
    exclude: Annotated[
        tuple[str, ...], Field(strict=False, description="layers, or models of layers, that keep all channels")
    ] = ()
    allocation: Annotated[Allocation, Field(description="the same share of each layer, or where it matters least")] = (
        "uniform"
    )
    minimum: Annotated[int, Field(ge=1, description="channels that stay in each layer at least")] = 4
    multiple_of: Annotated[int, Field(ge=1, description="of which a cut layer's channels are a multiple")] = 1
    rounds: Annotated[int, Field(ge=1, description="in which channels go, scored anew before each")] = 1
    repair: Annotated[
        Literal["least_squares", "none"], Field(description="layers are fitted to give what they gave before")
    ] = "least_squares"
    samples: Annotated[int, Field(ge=1, description="samples that channels are scored with")] = 512

    @model_validator(mode="after")
    def _need_a_goal(self) -> "PruneChannels":
        if self.budget is None and not self.layers:
            raise ValueError("expected a budget, or layers with the width of each, or both")
        return self

    def keeps(self) -> frozenset[Kind]:
        """Keep channels, and clusters where nothing is repaired; zeros of a layer may be among those that go."""
        return frozenset({"clusters", "channels"}) if self.repair == "none" else frozenset({"channels"})

    def apply(self, subject: Subject, context: Context) -> Result:
        """Remove the channels that matter least until the budget is met."""
        before, probe = subject.network, Probe(context, self.samples)
        limits = Limits(self.minimum, self.multiple_of, fixed_widths(read_graph(before), self.layers, self.exclude))
        removal = Removal(self.criterion, self.allocation, limits, self.rounds, repair=self.repair != "none")
        trials: tuple[LatencyTrial, ...] = ()
        if self.budget is None:
            after, unjudged = remove_channels(before, removal, probe)
        elif self.budget.metric == "latency":
            limit = Limit(self.budget.limit(1.0), self.budget.max is None, self.budget.timed_as)
            after, unjudged, trials = remove_to_latency(before, replace(removal, metric="macs"), limit, probe)
        else:
            own = whole_cost(before, self.budget.metric)
            removal = replace(removal, metric=self.budget.metric, budget=self.budget.limit(own))
            after, unjudged = remove_channels(before, removal, probe)
        changed = changed_layers(before, after)
        context.say(f"{before.count_params():,} parameters before, {after.count_params():,} after")
        return Result(
            Subject(after),
            changed=changed,
            skipped=skipped_layers(before, changed, limits, unjudged),
            claims=claims(after, changed),
            trials=trials,
            measured=self.budget is not None and bool(read_graph(before).groups),
        )
