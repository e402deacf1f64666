"""The page of a classification run."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w
from markupsafe import Markup

from metaplast.analysis.classification.epochs import Contest, EpochTable, contest, read_epochs, summarised
from metaplast.analysis.classification.tested import as_tested
from metaplast.analysis.statistics import Interval
from metaplast.analysis.tables import Column, Table
from metaplast.figures.classification import draw_classification
from metaplast.figures.style import PALETTE
from metaplast.report.contest import FAVOURED, PAIRED, fullest, points, verdict
from metaplast.report.data import data_of, learned_words
from metaplast.report.few_shot import few_shot_tables
from metaplast.report.page import PAGE, data_uri, environment, flat
from metaplast.report.robustness import MERGED_CAPTION, SINGLE_CAPTION, robustness_tables, without_merged
from metaplast.report.sequence import CAPTION, sequence_sentence, sequence_tables
from metaplast.runs import RunDirectory, write_atomically

TITLES = {
    "accuracy": "Accuracy",
    "sequence": "Task by task",
    "gains": "What was assigned",
    "unseen": "Classes never seen before",
    "contributions": "What each channel contributed",
    "robustness": "Robustness",
    "robustness-merged": "Robustness, channels as one synapse",
}
CAPTIONS = {
    "accuracy": Markup(
        "<b>Left:</b> share of test examples that are told right after each epoch; thin lines are seeds, bold ones "
        "their mean. <b>Right:</b> after the last epoch: small dots are seeds, the large one and the number their "
        "mean, the bar its 95&nbsp;% bootstrap interval. A triangle at the edge stands for seeds far below."
    ),
    "sequence": CAPTION,
    "gains": Markup(
        "The gain of every channel of a layer over the epochs, where it changes: how much of each mechanism the "
        "network uses where. The strength that a local rule has by itself is part of its gain. Thin lines are seeds, "
        "bold ones their mean."
    ),
    "unseen": Markup(
        "Share of new examples told right by an empty readout that one mechanism fills from a few examples of each new "
        "class; bars are 95&nbsp;% bootstrap intervals. Dashed: the nearest example in pixels, without any network."
    ),
    "contributions": Markup(
        "One network after its last epoch; nothing changes while it is tested. <b>Top:</b> whose current the cells of "
        "a layer receive (mean size, mean over seeds); whose weights changed, from the start of an epoch to its end; "
        "and what is left of the score when a channel is silenced in all layers, without learning anew. "
        "<b>Middle:</b> what each channel has learned to look for, a scale a row. <b>Bottom:</b> the first test "
        "examples, and what each channel says to the output cells; the right answer is in bold black."
    ),
    "robustness": SINGLE_CAPTION,
    "robustness-merged": MERGED_CAPTION,
}


class Picture(NamedTuple):
    kind: str
    title: str
    caption: Markup
    source: str


class Card(NamedTuple):
    """A number at the head of the page."""

    label: str
    value: str
    note: str
    colour: str


def is_classification(run: RunDirectory) -> bool:
    """Whether a directory is that of a classification run."""
    return run.config.get("experiment") == "classification"


def write_classification_report(run: RunDirectory, path: Path | None = None) -> Path:
    """Draw the figures of a run anew and write the page that shows them, to `path` or report.html in the run."""
    config, meta, table = run.config, run.meta, read_epochs(run)
    template = environment().get_template("classification.html")
    page = template.render(
        title=config["title"],
        name=run.name,
        sentence=sentence(run, table),
        data=data_of(run).provenance,
        cards=list(cards(run)),
        tables=tables_of(run),
        pictures=pictures(draw_classification(run), config),
        assumed=config.get("assumed", []),
        config=tomli_w.dumps(without_merged(config)),
        provenance=list(flat(meta)),
    )
    return write_atomically(path or run.path / PAGE, page.encode())


def tables_of(run: RunDirectory) -> list[Table]:
    """All tables for which the run has data."""
    found = [
        accuracy_table(read_epochs(run)),
        *sequence_tables(run),
        *few_shot_tables(run),
        *contest_tables(run),
        *robustness_tables(run),
    ]
    return [table._replace(note=as_tested(table.note, run.config)) for table in found]


def sentence(run: RunDirectory, table: EpochTable) -> str:
    """What was run, in one sentence."""
    config, conditions = run.config, table.conditions()
    seeds = max((len(table.seeds(name)) for name in conditions), default=0)
    steps = config["network"]["steps"]
    return (
        f"{network_words(config['network'])} learns {learned_words(run)} in presentations of {steps} steps, "
        f"under {len(conditions)} conditions with {seeds} seed{'s' if seeds != 1 else ''} each: which mechanisms "
        f"change its weights, and how much of each.{sequence_sentence(config)}{normalised_words(config['network'])}"
    )


def network_words(network: dict[str, Any]) -> str:
    """The network in words: 32C3-P2-... are maps, kernels, steps (S) and pools of its convolutional layers."""
    hidden = " and ".join(str(size) for size in network["hidden"])
    stages = network.get("stages", [])
    if network.get("kind", "dense") == "dense":
        return f"A spiking network with {hidden} hidden cells"
    behind = f" and, behind them, {hidden} hidden cells" if hidden else ""
    if network["kind"] == "residual":
        blocks = ", ".join(str(stage["channels"]) for stage in stages)
        return f"A residual spiking network with blocks of {blocks} feature maps{behind}"
    strides = [f"S{stage['stride']}" if stage["stride"] > 1 else "" for stage in stages]
    pools = [f"-P{stage['pool']}" if stage["pool"] > 1 else "" for stage in stages]
    layers = "-".join(
        f"{stage['channels']}C{stage['kernel']}{stride}{pool}"
        for stage, stride, pool in zip(stages, strides, pools, strict=True)
    )
    return f"A spiking network with convolutional layers {layers}{behind}"


def normalised_words(network: dict[str, Any]) -> str:
    """How normalised currents are tested; nothing where there are none."""
    if network.get("kind", "dense") == "dense" or network.get("normalised") is False:
        return ""
    return (
        " Its currents that no local rule changes are normalised while it learns; it is tested, and disturbed, with "
        "their settled moments written into weights and biases."
    )


def cards(run: RunDirectory) -> Any:
    """The best conditions, and what the combination gains."""
    numbers = run.summary.get("conditions", {})
    order = sorted(numbers, key=lambda name: -numbers[name]["accuracy"]["mean"])
    names = list(numbers)
    for name in order[:3]:
        accuracy = numbers[name]["accuracy"]
        note = (
            "one seed"
            if accuracy["low"] is None
            else f"95 %: {100 * accuracy['low']:.2f} to {100 * accuracy['high']:.2f}"
        )
        yield Card(name, f"{100 * accuracy['mean']:.2f} %", note, PALETTE[names.index(name) % len(PALETTE)])
    for found in contests(run)[-1:]:
        gain = points(found.difference)
        spread = "" if math.isnan(gain.low) else f" ({gain.low:+.2f} to {gain.high:+.2f})"
        yield Card(f"{found.combined} against {found.single}", f"{gain.mean:+.2f}", f"points{spread}", "#62666f")


def accuracy_table(table: EpochTable) -> Table:
    """A row a condition."""
    columns = [
        Column("condition", "condition", words=True),
        Column("seeds", "seeds"),
        Column("accuracy", "right (%)"),
        Column("loss", "loss"),
        Column("rate", "hidden spikes\na cell and step"),
        Column("spikes", "spikes\nan example"),
        Column("operations", "synaptic\noperations"),
        Column("products", "analogue\nproducts"),
        Column("seconds", "seconds"),
    ]
    rows = []
    outcomes = {name: summarised(table, name) for name in table.conditions()}
    broke = any(found.broken for found in outcomes.values())
    columns[2:2] = [Column("broken", "broken")] * broke
    adapts = any(table.columns(name, "threshold") for name in outcomes)
    columns[-4:-4] = [Column("threshold", "threshold of\nhidden cells")] * adapts
    for name, found in outcomes.items():
        rate = float(table.last(name, table.columns(name, "rate")[0]).mean())
        percent = Interval(*(100 * value for value in found.accuracy))
        work = found.spikes, found.operations, found.products
        seeds = (found.seeds, found.broken) if broke else (found.seeds,)
        # As of the rates, the first hidden layer; a dash where thresholds do not adapt.
        threshold = [float(table.last(name, column).mean()) for column in table.columns(name, "threshold")][:1] or [
            None
        ]
        rows.append((name, *seeds, percent, found.loss, rate, *threshold * adapts, *work, found.seconds))
    note = (
        "Brackets: 95 % bootstrap interval over seeds, too narrow where they are few. Operations are the additions "
        "that spikes cause in synapses, parallel channels merged into one weight; analogue products are those of an "
        "input that is no spike train, formed once an example. Seconds: learning and testing, all seeds side by side."
    )
    if broke:
        note += (
            " Broken: seeds whose loss was not a finite number in some epoch. They count in accuracy and loss: an "
            "answer that is no number is wrong, and a mean with such a loss is none."
        )
    return Table("accuracy", "After the last epoch", columns, rows, note)


def contests(run: RunDirectory) -> list[Contest]:
    """Of a finished run, from its epochs: the summary that an older version wrote has other intervals."""
    if not run.summary:
        return []
    table, conditions = read_epochs(run), run.config["conditions"]
    singles = [name for name in conditions if conditions[name]["single"]]
    return [one for name in fullest(conditions) if (one := contest(table, singles, name)) is not None]


def contest_tables(run: RunDirectory) -> list[Table]:
    """Combinations of all mechanisms against the best single one."""
    found = contests(run)
    if not found:
        return []
    columns = [
        Column("combined", "together", words=True),
        Column("single", "best alone", words=True),
        Column("seeds", "seeds"),
        Column("difference", "difference (points)"),
        Column("verdict", "verdict", words=True),
    ]
    rows = [
        (one.combined, one.single, one.seeds, points(one.difference), verdict(one.difference, one.seeds))
        for one in found
    ]
    note = (
        f"Brackets: {PAIRED}; one that holds zero cannot tell which is better. They are not corrected for "
        "their number. Best alone is the single mechanism with the highest mean test accuracy after the last epoch in "
        f"these very numbers, {FAVOURED}."
    )
    return [Table("contests", "Together or alone", columns, rows, note)]


def pictures(paths: list[Path], config: dict[str, Any]) -> list[Picture]:
    """Figures with the words that explain them, said once for each kind."""
    found: list[Picture] = []
    for path in paths:
        kind, _, rest = (path.stem, "", "") if path.stem in TITLES else path.stem.partition("-")
        heading = f"{TITLES.get(kind, kind)}: {rest}" if rest else TITLES.get(kind, kind)
        again = any(one.kind == kind for one in found)
        caption = Markup("As above, for {}.").format(rest) if again else as_tested(CAPTIONS.get(kind, Markup()), config)
        found.append(Picture(kind, heading, caption, data_uri(path.read_bytes())))
    return found
