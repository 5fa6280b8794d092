"""Pictures and animations of potentials, spikes and feature maps. Needs ``pip install "spikingjelly[plot]"``.

Arrays of NumPy, tensors of PyTorch and lists of either are taken. The figures are made by ``matplotlib.pyplot``, so
``plt.show()`` and ``plt.savefig(...)`` work after a call; with ``figure=`` a plot is drawn onto a figure (or a part of
it, a subfigure) that is there already::

    from matplotlib.figure import Figure
    from spikingjelly import visualizing

    figure = Figure(figsize=(12, 4), layout="constrained")
    left, right = figure.subfigures(1, 2)
    v, spikes = torch.rand(50, 8), (torch.rand(50, 8) < 0.2).float()
    visualizing.plot_2d_heatmap(v, "membrane potential", "time step", "neuron", figure=left)
    visualizing.plot_1d_spikes(spikes, "spikes", "time step", "neuron", figure=right)
"""

from spikingjelly import _former_names
from spikingjelly.visualizing._animation import animate_spikes
from spikingjelly.visualizing._bars import plot_2d_bar_in_3d
from spikingjelly.visualizing._maps import plot_2d_feature_map, plot_2d_heatmap, plot_2d_spiking_feature_map
from spikingjelly.visualizing._neuron import plot_one_neuron_v_s
from spikingjelly.visualizing._raster import plot_1d_spikes

__all__ = [
    "animate_spikes",
    "plot_1d_spikes",
    "plot_2d_bar_in_3d",
    "plot_2d_feature_map",
    "plot_2d_heatmap",
    "plot_2d_spiking_feature_map",
    "plot_one_neuron_v_s",
]

# The parts into which it is divided in the 2.0 releases
_former_names.find_modules_as(
    {f"{__name__}.{part}": __name__ for part in ("bar3d", "feature_map", "heatmap", "spikes")}
)
