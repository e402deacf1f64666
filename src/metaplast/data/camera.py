"""An event camera that looks at still images, so that event data exist where no recordings are."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.ndimage import map_coordinates
from jaxtyping import Array, Float

from metaplast.data.base import Dataset, Split


class Camera(eqx.Module):
    """A camera that makes three saccades over an image, each along one side of a triangle, and sends events.

    A pixel sends an event whenever its log intensity log(image + floor) has moved by `contrast` from where it was at
    its last event, ON (polarity 1) if it rose and OFF (0) if it fell; several if it moved by several times as much.

    Pixels differ: the threshold of each is contrast exp(mismatch n), n normal and drawn by `seed` once for a camera, so
    that the same seed makes the same film.

    Sourced: three saccades along a triangle, Orchard et al. (2015); the pixel, Lichtsteiner, Posch & Delbruck (2008),
    without its noise and refractory period. Assumed: `contrast`, `floor`, the reach of a saccade.
    """

    frames: int = eqx.field(default=30, static=True)
    """Frames of a recording, a third of them a saccade."""
    reach: float = eqx.field(default=2.0, static=True)
    """Length of a saccade (pixels)."""
    contrast: float = eqx.field(default=0.3, static=True)
    """Threshold of an event (log intensity)."""
    floor: float = eqx.field(default=0.1, static=True)
    """Intensity of black."""
    mismatch: float = eqx.field(default=0.0, static=True)
    """Deviation of the logarithm of the threshold from pixel to pixel."""
    seed: int = eqx.field(default=0, static=True)
    """Draws the thresholds."""

    def __check_init__(self) -> None:
        if self.frames < 3 or self.frames % 3:
            raise ValueError(f"frames is {self.frames}; three saccades need a multiple of 3")
        if self.contrast <= 0 or self.floor <= 0 or self.reach <= 0:
            raise ValueError("reach, contrast and floor of a camera must be positive")
        if not 0 <= self.mismatch < float("inf"):
            raise ValueError(f"mismatch is {self.mismatch}; give a finite number that is not negative")

    def path(self) -> Float[Array, "steps 2"]:
        """Where the camera looks (rows, columns) at the start and after every frame."""
        corners = self.reach * jnp.asarray([[0.0, 0.0], [1.0, 0.5], [0.0, 1.0], [0.0, 0.0]])
        places = jnp.linspace(0.0, 3.0, self.frames + 1)
        return jnp.stack([jnp.interp(places, jnp.arange(4.0), column) for column in corners.T], axis=-1)

    def record(self, images: Float[Array, "n height width"]) -> Float[Array, "n time height width 2"]:
        """Event counts of a recording of every image; polarity 0 is OFF, 1 is ON."""
        rows, columns = jnp.meshgrid(*(jnp.arange(size, dtype=float) for size in images.shape[1:]), indexing="ij")
        drawn = jax.random.normal(jax.random.key(self.seed), images.shape[1:])
        threshold = self.contrast * jnp.exp(self.mismatch * drawn)

        def brightness(place: Array) -> Array:
            look = lambda image: map_coordinates(image, [rows + place[0], columns + place[1]], order=1)  # noqa: E731
            return jnp.log(jax.vmap(look)(images) + self.floor)

        def step(last: Array, place: Array) -> tuple[Array, Array]:
            moved = (brightness(place) - last) / threshold
            counts = jnp.trunc(moved)
            return last + counts * threshold, jnp.stack([jnp.maximum(-counts, 0), jnp.maximum(counts, 0)], axis=-1)

        path = self.path()
        _, frames = jax.lax.scan(step, brightness(path[0]), path[1:])
        return jnp.moveaxis(frames, 0, 1)

    def film(self, dataset: Dataset, batch: int = 256, merged: int = 1, pool: int = 1) -> Dataset:
        """A data set of still grey images as event frames.

        So many `merged` frames are counted as one, and squares of `pool` x `pool` pixels; those left over are left out.

        Raises:
            ValueError: images of several channels, event frames, or a pool larger than the image.
        """
        if dataset.events or dataset.shape[-1] != 1:
            raise ValueError(f"{dataset.name}: examples of shape {dataset.shape}; the camera films grey still images")
        if pool > min(dataset.shape[:2]):
            raise ValueError(
                f"pool is {pool}, larger than the images of {dataset.name}, {dataset.shape[:2]}; give less"
            )
        record = jax.jit(lambda images: _counted(self.record(images), merged, pool))

        def whole(split: Split) -> Split:
            parts = range(0, len(split.labels), batch)
            frames = [np.asarray(record(split.inputs[start : start + batch, ..., 0])) for start in parts]
            return Split(np.concatenate(frames), split.labels)

        told = (
            f"{dataset.provenance}; filmed by a simulated event camera (seed {self.seed}), {self.frames // merged} "
            "frames, no real recordings"
        )
        return Dataset(f"{dataset.name}-events", whole(dataset.train), whole(dataset.test), dataset.classes, told)


def _counted(
    frames: Float[Array, "n time height width 2"], merged: int, pool: int
) -> Float[Array, "n frames rows columns 2"]:
    """Events of so many frames and pixels together."""
    count, time, height, width, signs = frames.shape
    times, rows, columns = time // merged, height // pool, width // pool
    whole = frames[:, : times * merged, : rows * pool, : columns * pool]
    return whole.reshape(count, times, merged, rows, pool, columns, pool, signs).sum(axis=(2, 4, 6))
