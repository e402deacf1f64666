"""What a reader is told to run does run."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from metaplast.experiments import build, configuration
from metaplast.experiments.classification import experiment as classification
from metaplast.experiments.classification.configuration import classification_configuration

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
RUN_BLOCKS = """
import sys
for number, block in enumerate(sys.stdin.read().split("\\0")):
    print(f"block {number}", flush=True)
    exec(compile(block, f"README block {number}", "exec"), {"__name__": "__main__"})
"""


def run(*arguments: str, text: str = "", folder: Path) -> str:
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "MPLBACKEND": "agg"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, input=text, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-500:]}\n{done.stderr[-2000:]}"
    return done.stdout


def test_examples_are_as_short_as_they_claim():
    assert len((EXAMPLES / "oja.py").read_text().splitlines()) < 40
    assert len((EXAMPLES / "train_oja.py").read_text().splitlines()) < 30


def test_training_with_ojas_rule_learns(tmp_path: Path):
    told = run(str(EXAMPLES / "train_oja.py"), folder=tmp_path)
    loss, rate = re.fullmatch(r"loss (\S+), Oja's rate is now (\S+)\n", told).groups()
    assert float(loss) < 0.2
    assert float(rate) != 0.02
    assert 0.0 <= float(rate) <= 1.0


def test_code_of_the_readme_runs(tmp_path: Path):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert blocks, "README.md has no python code"
    told = run("-c", RUN_BLOCKS, text="\0".join(blocks), folder=tmp_path)
    assert told.count("block ") >= len(blocks)


def test_experiments_of_the_readme_are_configurations(tmp_path: Path):
    blocks = re.findall(r"^```toml\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    kinds = []
    for number, block in enumerate(blocks):
        file = tmp_path / f"own{number}.toml"
        file.write_text(block)
        kinds.append(tomllib.loads(block).get("experiment", "learning-to-learn"))
        if kinds[-1] == "classification":
            assert classification.build(classification_configuration(str(file), ["data.train=100"])).groups
        else:
            assert build(configuration(str(file), ["run.seeds=1"])).lanes
    assert sorted(kinds) == ["classification", "learning-to-learn"]
