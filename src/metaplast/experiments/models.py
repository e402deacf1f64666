"""Settings of the models that an experiment can train, and how each is built."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal
from zlib import crc32

import jax
import msgspec
from jaxtyping import PRNGKeyArray
from msgspec import Meta

from metaplast.config import Table, component, with_defaults
from metaplast.intrinsic import INTRINSIC
from metaplast.mechanism import Mechanism, chain
from metaplast.models import (
    Model,
    Recurrent,
    recurrent_gated,
    recurrent_rate,
    recurrent_spiking,
    self_attention,
    with_axons,
)
from metaplast.surrogate import SURROGATES
from metaplast.tasks import Family

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="name"):
    """What all models have."""

    neurons: Count = 100
    """Recurrent cells; of attention, the width."""

    def build(self, key: PRNGKeyArray, family: Family) -> Model:
        """The model of one seed, with the inputs, outputs and time step of a task family."""
        raise NotImplementedError


class SpikingSettings(ModelSettings, frozen=True, tag="spiking"):
    """The recurrent spiking network."""

    branches: Count = 1
    """Dendritic branches of a cell."""
    resistance: Positive = 4.0
    """Somatic input resistance (assumed)."""
    input_gain: Positive = 3.0
    """Standard deviation of the summed input weights (assumed)."""
    recurrent_gain: NotNegative = 1.0
    """Scale of the orthogonal recurrent weights."""
    tau_low: Positive = 14.427
    """Shortest time constant of dendrites and somata at the start (ms)."""
    tau_high: Positive = 551.0
    """Longest time constant at the start (ms)."""
    longest_delay: NotNegative = 0.0
    """Longest axonal delay between recurrent cells (ms), a multiple of the time step. They start below it, one a cell,
    and learn in conditions and groups that name `*.delay`, in steps: 0.001 of a step an update is slow, so give
    `learning.rates` a rate of theirs, as the preset `axons` of a family does. 0: no axons."""
    readout: Literal["voltage", "spikes"] = "voltage"
    """What the readout sees of the recurrent cells."""
    surrogate: dict[str, Any] = msgspec.field(default_factory=lambda: {"name": "triangular"})
    """Surrogate derivative of the spike."""
    intrinsic: list[dict[str, Any]] = []
    """Intrinsic mechanisms of the recurrent cells, in order."""

    def build(self, key: PRNGKeyArray, family: Family) -> Model:
        model = self._without_axons(key, family)
        # Not a small number: `fold_in(key, 1)` is the key of the time constants, since it is what `split` gives second.
        apart = jax.random.fold_in(key, crc32(b"axons"))
        return with_axons(model, self.longest_delay, apart) if self.longest_delay else model

    def _without_axons(self, key: PRNGKeyArray, family: Family) -> Recurrent:
        return recurrent_spiking(
            key,
            channels=family.channels,
            neurons=self.neurons,
            outputs=family.outputs,
            dt=family.dt,
            branches=self.branches,
            resistance=self.resistance,
            input_gain=self.input_gain,
            recurrent_gain=self.recurrent_gain,
            tau_range=(self.tau_low, self.tau_high),
            membrane_readout=self.readout == "voltage",
            intrinsic=mechanisms(self.intrinsic),
            surrogate=component(SURROGATES, self.surrogate, "model.surrogate"),
        )


class RateSettings(ModelSettings, frozen=True, tag="rate"):
    """The leaky rate network of Goudar et al. (2023)."""

    tau: Positive = 100.0
    """Time constant (ms)."""
    input_gain: Positive = 1.0
    """Standard deviation of the summed input weights."""
    recurrent_gain: NotNegative = 1.0
    """Scale of the orthogonal recurrent weights."""
    intrinsic: list[dict[str, Any]] = []
    """Intrinsic mechanisms of the units, such as noise."""

    def build(self, key: PRNGKeyArray, family: Family) -> Model:
        return recurrent_rate(
            key,
            channels=family.channels,
            neurons=self.neurons,
            outputs=family.outputs,
            dt=family.dt,
            tau=self.tau,
            input_gain=self.input_gain,
            recurrent_gain=self.recurrent_gain,
            intrinsic=mechanisms(self.intrinsic),
        )


class GatedSettings(ModelSettings, frozen=True, tag="gru"):
    """The gated recurrent network."""

    def build(self, key: PRNGKeyArray, family: Family) -> Model:
        return recurrent_gated(
            key, channels=family.channels, neurons=self.neurons, outputs=family.outputs, dt=family.dt
        )


class AttentionSettings(ModelSettings, frozen=True, tag="self-attention"):
    """Causal self-attention over the steps of a trial."""

    heads: Count = 4
    """Attention heads, which share the width."""

    def build(self, key: PRNGKeyArray, family: Family) -> Model:
        return self_attention(
            key, channels=family.channels, width=self.neurons, heads=self.heads, outputs=family.outputs
        )


AnyModel = SpikingSettings | RateSettings | GatedSettings | AttentionSettings


@contextmanager
def axons_explained(model: AnyModel) -> Iterator[None]:
    """A pattern for delays in a network without axons names nothing, and its error tells how they come about."""
    try:
        yield
    except ValueError as error:
        if ".delay" in str(error) and isinstance(model, SpikingSettings) and not model.longest_delay:
            raise ValueError(f"{error}; delays need axons: --set model.longest_delay=100") from None
        raise


def mechanisms(tables: list[dict[str, Any]]) -> Mechanism:
    """A chain of intrinsic mechanisms."""
    return chain(*(component(INTRINSIC, table, "model.intrinsic") for table in tables))


def complete_model(model: Table) -> Table:
    """Fill in the defaults of the components that a model names."""
    filled = dict(model)
    if "surrogate" in model:
        filled["surrogate"] = with_defaults(SURROGATES, model["surrogate"], "model.surrogate")
    if "intrinsic" in model:
        filled["intrinsic"] = [with_defaults(INTRINSIC, entry, "model.intrinsic") for entry in model["intrinsic"]]
    return filled
