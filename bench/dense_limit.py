"""Rate of a large float32 matrix product by JAX with all cores: python bench/dense_limit.py OUT_DIR [--repeats 20]."""

import argparse
import json
import time
from pathlib import Path

import jax

SIZE = 2048


def main() -> None:
    """Write OUT_DIR/dense_limit.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    left, right = (jax.random.normal(jax.random.key(seed), (SIZE, SIZE)) for seed in (0, 1))
    product = jax.jit(lambda left, right: left @ right)
    seconds = []
    for _ in range(arguments.repeats + 2):
        began = time.perf_counter()
        jax.block_until_ready(product(left, right))
        seconds.append(time.perf_counter() - began)
    seconds = seconds[2:]
    rate = 2 * SIZE**3 / min(seconds) / 1e9
    (arguments.out / "dense_limit.json").write_text(json.dumps({"size": SIZE, "seconds": seconds, "gflop_s": rate}))


if __name__ == "__main__":
    main()
