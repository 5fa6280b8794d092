"""Settings for the whole package.

They are read where they are needed, so a change takes effect at once::

    from spikingjelly import configure

    configure.max_threads_number_for_datasets_preprocess = 4
"""

max_threads_number_for_datasets_preprocess = 16
"""The most threads or processes that convert the files of a data set, where its ``num_workers`` is not given: one per
core up to this number."""

cuda_threads = 512
"""Threads of a block that :func:`spikingjelly.activation_based.cuda_utils.cal_blocks` counts with by default."""

cuda_compiler_options = ("-use_fast_math",)
"""Kept for programs that set it: kernels are compiled without fast mathematics, for equal spikes on every device."""

cuda_compiler_backend = "nvrtc"
"""Kept for programs that set it: kernels are compiled by what builds them."""

save_spike_as_bool_in_neuron_kernel = False
"""Kept for programs that set it: kernels recompute spikes and store none.
:func:`spikingjelly.activation_based.functional.packed_spikes` stores those that layers keep as bits."""

save_bool_spike_level = 0
"""Kept for programs that set it, as the setting before."""

save_datasets_compressed = True
"""Whether files of frames are compressed. Uncompressed they are read a little faster and take many times the room.
Files of events are never compressed: they are read once, when frames are made."""
