"""The former translation of a function to CUDA C. Each name can be imported; a call says what replaces it."""

from spikingjelly.activation_based.auto_cuda import _replaced

analyse_graph, gen_forward_codes, gen_backward_codes, hash_str, VarNode = _replaced.functions(
    "generator", ["analyse_graph", "gen_forward_codes", "gen_backward_codes", "hash_str", "VarNode"]
).values()
