"""Figure 1: the network, drawn from its own layers."""

from sklearn_audiosr.networks import AudioUNet
from tools.tables import rst_table

CORPORA = ()  # needs no recordings

# Timepoints of the patch that is drawn on its way through the network.
_PATCH = 8192


def run(bench):
    """Run the built network on a patch, and record what each convolution does."""
    import torch
    from torch import nn

    # the paper's own unless a width was asked for
    width = 1.0 if bench.preset.has_own_width() else bench.preset.width
    config = AudioUNet(width=width)
    network, layers = config.build().eval(), []

    def note(name):
        def hook(layer, inputs, output):
            layers.append(describe_layer(name, layer, inputs[0].shape[-1]))

        return hook

    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv1d):
            layer.register_forward_hook(note(name))
    with torch.inference_mode():
        output = network(torch.zeros(1, 1, _PATCH))
    lengths = [_PATCH, *(layer["n_timepoints"] for layer in layers)]
    return {
        "network": repr(config),
        "patch_length": _PATCH,
        "output_length": output.shape[-1],
        "n_parameters": sum(p.numel() for p in network.parameters()),
        "receptive_field": network.look_back + 1 + network.look_ahead,
        "stride": network.stride,
        "shortest": min(lengths),
        "additive_residual": network.additive_residual,
        "skip_connections": network.skip_connections,
        "layers": layers,
    }


def describe_layer(name, layer, n_in):
    """Return the sizes of a convolution: its input, its filters and its output.

    In the upsampling half a subpixel shuffle behind it turns pairs of filters into timepoints.
    """
    part = name.partition(".")[0]
    shuffled = part in ("up", "last")
    n_out = -(-n_in // layer.stride[0])
    return {
        "name": name,
        "part": part,
        "in_channels": layer.in_channels,
        "filters": layer.out_channels,
        "kernel": layer.kernel_size[0],
        "stride": layer.stride[0],
        "out_channels": layer.out_channels // 2 if shuffled else layer.out_channels,
        "n_timepoints": 2 * n_out if shuffled else n_out,
    }


def format_table(results):
    """Lay out one row for each convolution."""
    header = ["block", "channels in", "filters", "length", "stride", "features out", "timepoints"]
    rows = [
        [layer["name"], layer["in_channels"], layer["filters"], layer["kernel"], layer["stride"],
         layer["out_channels"], layer["n_timepoints"]]
        for layer in results["layers"]
    ]  # fmt: skip
    text = (
        f"``{results['network']}``: {results['n_parameters']:,} weights; an output timepoint sees "
        f"{results['receptive_field']} of the input."
    )
    return f"{text}\n\n{rst_table(header, rows)}"


def draw(results, path):
    """Draw each convolution as a box: higher for longer features, wider for more of them."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    layers = results["layers"]
    figure, axis = plt.subplots(figsize=(11, 4.6), layout="constrained")
    places = {}
    for i, layer in enumerate(layers):
        places[layer["name"]] = _draw_box(axis, 1.0 + i, layer, results["patch_length"])
    _draw_wave(axis, 0.1, "input", results["patch_length"])
    _draw_wave(axis, len(layers) + 0.9, "output", results["output_length"])
    if results["skip_connections"]:
        _draw_skips(axis, layers)
    if results["additive_residual"]:
        _draw_arc(axis, 0.1, len(layers) + 0.9, 1.0, "input added", "tab:red")
    axis.set(xlim=(-0.5, len(layers) + 1.6), ylim=(-0.95, 2.35))
    axis.axis("off")
    figure.savefig(path, dpi=110)
    plt.close(figure)


_COLOURS = {"down": "tab:blue", "bottleneck": "tab:gray", "up": "tab:green", "last": "tab:purple"}


def _draw_box(axis, x, layer, longest):
    from matplotlib.patches import Rectangle

    height = 2 * _half_height(layer["n_timepoints"], longest)
    width = 0.12 + 0.05 * layer["out_channels"].bit_length()
    box = Rectangle((x - width / 2, -height / 2), width, height, alpha=0.8,
                    facecolor=_COLOURS[layer["part"]], edgecolor="black")  # fmt: skip
    axis.add_patch(box)
    axis.text(x, -height / 2 - 0.04, f"{layer['n_timepoints']} x\n{layer['out_channels']}",
              ha="center", va="top", fontsize=7)  # fmt: skip
    label = f"{layer['part']}\n{layer['filters']} of {layer['kernel']}"
    if layer["stride"] > 1:
        label += f"\nstride {layer['stride']}"
    axis.text(x, height / 2 + 0.03, label, ha="center", va="bottom", fontsize=7)
    return x


def _draw_wave(axis, x, name, n_timepoints):
    axis.plot([x, x], [-0.5, 0.5], color="black", linewidth=3)
    axis.text(x, -0.54, f"{name}\n{n_timepoints}", ha="center", va="top", fontsize=8)


def _half_height(n_timepoints, longest):
    """Return a height on a logarithmic scale of lengths: each halving takes off the same."""
    return 0.5 * (1 - 0.11 * max(0, (longest // n_timepoints).bit_length() - 1))


def _draw_skips(axis, layers):
    """Join each downsampling block with the upsampling block whose features are as long."""
    down = [i for i, layer in enumerate(layers) if layer["part"] == "down"]
    for i, layer in enumerate(layers):
        match = [j for j in down if layers[j]["n_timepoints"] == layer["n_timepoints"]]
        if layer["part"] == "up" and match:
            _draw_arc(axis, 1.0 + match[0], 1.0 + i, 0.82, "stacked", "tab:orange")


def _draw_arc(axis, start, stop, bottom, label, colour):
    import numpy as np

    # the further apart, the higher, so that no two arcs cross
    height = bottom + 0.09 * (stop - start)
    t = np.linspace(0, np.pi, 60)
    x = (start + stop) / 2 - (stop - start) / 2 * np.cos(t)
    axis.plot(x, bottom + (height - bottom) * np.sin(t), color=colour, linewidth=1)
    axis.text((start + stop) / 2, height + 0.01, label, ha="center", fontsize=7, color=colour)
