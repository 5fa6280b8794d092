"""The former generator of CUDA code. Kernels are derived from the methods of a neuron now; nothing has to be written.

Its modules can be imported, so that programs with methods like ``cuda_codes`` run: those methods are not called. In
``neuron_kernel``, what the published neurons called runs the neurons of today; the rest says what replaces it when it
is called.
"""
