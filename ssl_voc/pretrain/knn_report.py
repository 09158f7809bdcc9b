"""k-NN accuracy of a pretraining: before it, after it, and the gain."""

import numpy as np

from ssl_voc.metrics.bootstrap import paired_bootstrap
from ssl_voc.metrics.wilson import wilson_interval
from ssl_voc.runs.json_files import read_json_dict

HITS_FILE = "knn_hits.json"


def record_untrained(run, probe):
    """Measures the backbone before its first step, query by query."""
    hits = probe.measure_hits()
    untrained = float(np.mean(hits))
    run.write_json(HITS_FILE, {"untrained": hits.astype(int).tolist()})
    run.update_manifest(knn_top1_untrained=untrained)
    print(f"k-NN top-1 at the start {untrained:.3f}", flush=True)


def summarize(run, probe, epoch):
    """Entries of `summary.json`, and the hits of the last weights beside the first.

    The difference to the untrained backbone is taken query by query. It is left out
    where labels appeared after the run had begun.

    Args:
        run: The `RunFolder` of a run whose epochs are done.
        probe: The `FeatureProbe` on its backbone.
        epoch: Number of the last epoch.
    """
    if not probe.num_queries:
        return {}
    # An epoch that was not to be the last may become it, by fewer --epochs.
    known = probe.hits is not None and probe.hits[0] == epoch
    hits = probe.hits[1] if known else probe.measure_hits()
    knn = {"knn_top1": float(np.mean(hits))}
    if "knn_top1_untrained" in run.manifest:
        knn["knn_top1_untrained"] = run.manifest["knn_top1_untrained"]
    summary = {}
    for name, value in knn.items():
        summary[name] = value
        summary[f"{name}_ci"] = wilson_interval(value, probe.num_queries)
    untrained = _untrained_hits(run)
    if len(untrained) == len(hits):
        gain = paired_bootstrap(hits, untrained)
        summary["knn_top1_gain"] = gain.mean
        summary["knn_top1_gain_ci"] = [gain.low, gain.high]
        trained = hits.astype(int).tolist()
        run.write_json(HITS_FILE, {"untrained": untrained, "trained": trained})
    summary["knn_majority"] = probe.majority_share
    summary["knn_num_queries"] = probe.num_queries
    return summary


def describe(summary):
    """Lines of the last words: `(heading, text)`."""
    if "knn_top1" not in summary:
        return []
    low, high = summary["knn_top1_ci"]
    parts = [f"{summary['knn_top1']:.3f} [{low:.3f}, {high:.3f}]; "]
    if "knn_top1_untrained" in summary:
        parts.append(f"at the start {summary['knn_top1_untrained']:.3f}, ")
    parts.append(
        f"majority class {summary['knn_majority']:.3f} "
        f"({summary['knn_num_queries']} queries)"
    )
    lines = [("k-NN top-1", "".join(parts))]
    if "knn_top1_gain" in summary:
        low, high = summary["knn_top1_gain_ci"]
        gain = f"{summary['knn_top1_gain']:+.3f} [{low:+.3f}, {high:+.3f}]"
        lines.append(("k-NN gain", f"{gain} over the start, query by query"))
    return lines


def _untrained_hits(run):
    hits = read_json_dict(run.path / HITS_FILE).get("untrained")
    return hits if isinstance(hits, list) else []
