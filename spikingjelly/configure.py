"""Settings for the whole package.

They are read where they are needed, so a change takes effect at once::

    from spikingjelly import configure

    configure.max_threads_number_for_datasets_preprocess = 4
"""

max_threads_number_for_datasets_preprocess = 16
"""The most threads or processes that convert the files of a data set, where its ``num_workers`` is not given: one per
core up to this number."""

save_datasets_compressed = True
"""Whether files of frames are compressed. Uncompressed they are read a little faster and take many times the room.
Files of events are never compressed: they are read once, when frames are made."""
