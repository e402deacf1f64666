"""How to read the figures of a run: a title and a caption for each kind."""

from markupsafe import Markup

TITLES = {
    "learning": "Learning to learn",
    "trial": "One trial after learning",
    "intrinsic": "What learning changed",
    "density": "Intrinsic parameters over problems",
    "drift": "Drift of intrinsic parameters",
    "dynamics": "Activity in the probe trials",
    "selectivity": "What the neurons tell of",
    "trajectories": "The population in its subspaces",
    "subspaces": "Reuse of the decision subspace",
    "communities": "Communities",
    "modularity": "Modularity over problems",
    "efficiency": "Modularity and adaptation efficiency",
    "within": "The loss within a problem",
    "lesions": "What the loss of neurons costs",
}
"""Kinds, as the names of the figures begin; what follows a hyphen is the condition."""

AGAIN = Markup("As above, for {name}.")
"""For the second figure of a kind."""

CAPTIONS = {
    "learning": Markup(
        "<b>Left:</b> how many updates each next problem of the sequence needed; both axes are logarithmic. A dot is "
        "one problem of one seed, the bold line the mean over all seeds and the problems around each, from a quarter "
        "of the way back to the start to as far ahead, at most {window}; "
        "the dashed line the least-squares fit of a&nbsp;exp(&minus;x&nbsp;/&nbsp;T)&nbsp;+&nbsp;c: a network that "
        "learns to learn falls, with T problems as its pace and c updates as its floor; R² is the share of the "
        "variance of the mean over seeds that the fit explains, most of it in the first problems. A cross on the top "
        "edge is a problem that was not solved; it is in neither mean nor fit. <b>Right:</b> all updates spent up to "
        "each problem, failed ones included: the lower line learned the same sequence with less; a step is a failure."
    ),
    "trial": Markup(
        "From the top: the <b>input</b> channels; the <b>spikes</b> of all neurons that fire, in the order of their "
        "first spike; the <b>membranes</b> of a busy, a middling and a quiet neuron with their thresholds dashed, in "
        "the colours in which the raster shows their spikes; the <b>readout</b> as probabilities. The band above the "
        "readout is the target in the colour of the wanted output, pale where the loss does not count; where the "
        "ground is grey, the decision is judged. A network without spikes shows the activity of all its units instead, "
        "and that of three of them."
    ),
    "intrinsic": Markup(
        "<b>Top:</b> how many neurons have which value before (grey) and after learning (colour), all seeds "
        "together; a value shared by all is a line. <b>Bottom:</b> each neuron's value after learning against "
        "before: on the diagonal it kept its value, above it grew."
    ),
    "density": Markup(
        "How the values of the neurons of all seeds are distributed, from the start of learning, at the bottom, to "
        "its end; dots are medians. A value that all neurons share is a line. Time constants are on a logarithmic "
        "axis."
    ),
    "drift": Markup(
        "<b>Top:</b> how far the parameters are from their start. Bold, the root mean square over neurons of what "
        "each moved; dashed, how far the distribution moved (Wasserstein distance), which is less where neurons only "
        "exchange their values. Of time constants the logarithm is compared, so that 0.1 is about 10&nbsp;%. "
        "<b>Bottom:</b> correlation of each neuron's value with its start. Thin lines are seeds."
    ),
    "dynamics": Markup(
        "In probe trials of the problem that was learned last. The <b>memory</b> of a neuron is the time constant of "
        "the autocorrelation of its membrane, after the mean over trials has been taken away: for how long a "
        "difference between trials lasts. <b>Sparseness</b> as of Vinje &amp; Gallant (2000). Thin lines are seeds, "
        "of the mean or the median that is bold."
    ),
    "selectivity": Markup(
        "How much of the variance of a neuron's activity, over the steps of a period and the stimuli, lies between "
        "choices (<b>top</b>) and between stimuli that ask for the same choice (<b>bottom</b>), mean over neurons; "
        "what is left is the time course that all trials share, and noise. Dotted: the share of the choice if "
        "choices were dealt to stimuli by lot; only above it do neurons tell of the choice more than any grouping of "
        "stimuli would. A period in which nothing can be known of the choice has none, unless a stimulus is missing "
        "from the trials."
    ),
    "trajectories": Markup(
        "One network: the membranes of all its neurons, projected on two directions that are the same in all panels, "
        "one line a stimulus, coloured by the choice that it asks for. The choice axis tells the choices apart best "
        "<i>after the last problem</i>; the stimulus axis is the one in which stimuli differ most otherwise. Every "
        "column has a problem of its own, with new stimuli: where its choices part along the axis of the last one, "
        "the axis was there before. <b>Bottom:</b> the same in the plane, from the small grey dot to the large one."
    ),
    "subspaces": Markup(
        "Decision subspace: the four leading singular vectors of the membranes averaged over the stimuli of each "
        "choice; stimulus subspace: of what is left (Goudar et al., 2023). <b>Right:</b> overlap of each with that "
        "of the saved moment before, when another problem was learned; dotted, of random subspaces in which the same "
        "directions are strong. <b>Bottom left:</b> of what tells the choices apart now, the share in the four "
        "directions in which they differed most at the moment before: above the dots, they are used again. Thin "
        "lines are seeds."
    ),
    "communities": Markup(
        "One network, neurons in the order of their communities (Louvain's method), which are framed. <b>Recurrent "
        "weights</b> by absolute value, both directions together; <b>activity</b> by correlation over the probe "
        "trials, negative ones left out, and neurons without any at the end. Every network can be cut into "
        "communities: whether these are more than chance is told by z in the next figure."
    ),
    "modularity": Markup(
        "<b>Left:</b> modularity Q of the best communities; dashed, of random networks with the same weights and "
        "nearly the same strength of each neuron. <b>Middle:</b> the difference in their standard deviations; for "
        "activity it is too large by an amount that is not known, as correlations are never independent of each "
        "other. <b>Right:</b> participation coefficient (Guimer&agrave; &amp; Amaral, 2005): 0 if the edges of a "
        "neuron stay in one community. Thin lines are seeds."
    ),
    "efficiency": Markup(
        "A dot is one network at one moment, larger the later: its modularity or participation, and the mean updates "
        "of the problems that it learned next. Spearman's correlation <b>over problems</b> compares the moments of "
        "one network, and its test ignores the trend that all share: whatever changes with the passing of problems "
        "goes along. <b>Over seeds</b> it compares networks that have learned equally many, mean over moments. p by "
        "permutation, of the moments of each network or of whole networks, corrected for all comparisons of the run "
        "(Benjamini &amp; Yekutieli, 2001)."
    ),
    "within": Markup(
        "How the task loss falls while one problem is learned, from the first of the sequence to the one after the "
        "last saved networks; both axes are logarithmic. Each network starts as it was saved before this problem, and "
        "learns it once more on the same trials. Thin lines are seeds, each up to a dot where it was done (solved, or "
        "at the limit); bold is their median, in which one that is done keeps its last loss. Dashed: the bound on the "
        "mean loss of the criterion. A network that learned to learn starts no lower &ndash; the stimuli are new "
        "&ndash; but falls sooner. Of more than eight problems the figure leaves some out; analysis/within.csv has all."
    ),
    "lesions": Markup(
        "After learning, neurons are silenced in bins of equal size, from those with the smallest values of a property "
        "to those with the largest. <b>Top:</b> how much the loss on the problem learned last grows at once. "
        "<b>Bottom:</b> how many more updates than the intact network it takes to learn the next problem without "
        "these neurons; one that is not learned counts the limit, so its cost "
        "is not known (a lower bound if the intact network learned it): <i>unsolved</i> counts these. "
        "Large dots are means over seeds, bars their "
        "95&nbsp;% bootstrap intervals; a filled dot differs from as many neurons drawn by lot (grey band) in a "
        "permutation test over the seeds, corrected, p&nbsp;&lt;&nbsp;0.05. <i>Bins differ</i> tells whether "
        "it matters which bin is lost (permutation of the bins within each seed, not corrected)."
    ),
}
"""How to read a figure of each kind, `{window}` being the most problems in the moving mean."""
