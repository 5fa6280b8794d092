"""Names that public repositories use, with the number of repositories; each is looked up by its full path."""

CLOCK_DRIVEN = {
    "functional.reset_net": 46, "neuron.MultiStepLIFNode": 25, "surrogate.ATan": 24, "layer.SeqToANNContainer": 17,
    "neuron.LIFNode": 14, "surrogate.Sigmoid": 11, "neuron.MultiStepIFNode": 10, "neuron.MultiStepParametricLIFNode": 9,
    "layer.Dropout": 9, "functional.seq_to_ann_forward": 6, "neuron.IFNode": 5, "neuron.BaseNode": 5,
    "neuron.ParametricLIFNode": 4, "layer.MultiStepDropout": 4, "surrogate.PiecewiseQuadratic": 3,
    "neuron.MultiStepEIFNode": 2, "surrogate.SurrogateFunctionBase": 2, "surrogate.heaviside": 2,
    "base.MemoryModule": 1, "functional.set_monitor": 1, "layer.MultiStepContainer": 1, "encoding.PoissonEncoder": 1,
    "functional.temporal_efficient_training_cross_entropy": 1, "cu_kernel_opt.cal_blocks": 1,
    "cu_kernel_opt.get_contiguous": 1, "cu_kernel_opt.wrap_args_to_raw_kernel": 1, "monitor.Monitor": 1,
    "accelerating": 1,
}  # fmt: skip

ACTIVATION_BASED = {
    "functional.reset_net": 30, "neuron.LIFNode": 26, "surrogate.ATan": 24, "layer.Conv2d": 19, "layer.Linear": 19,
    "functional.set_step_mode": 17, "layer.BatchNorm2d": 16, "neuron.IFNode": 14, "layer.MaxPool2d": 12,
    "neuron.ParametricLIFNode": 12, "layer.AdaptiveAvgPool2d": 10, "layer.Dropout": 9, "functional.set_backend": 9,
    "layer.Flatten": 7, "layer.GroupNorm": 7, "layer.AvgPool2d": 6, "layer.BatchNorm1d": 5, "neuron.BaseNode": 5,
    "layer.VotingLayer": 4, "surrogate.Sigmoid": 4, "base.MemoryModule": 3, "base.StepModule": 3,
    "layer.ConvTranspose2d": 2, "surrogate.SurrogateFunctionBase": 2, "layer.ThresholdDependentBatchNorm2d": 2,
    "encoding.PoissonEncoder": 2, "functional.seq_to_ann_forward": 2,
    "functional.temporal_efficient_training_cross_entropy": 2, "neuron.IzhikevichNode": 2, "neuron.KLIFNode": 2,
    "layer.SeqToANNContainer": 1, "layer.SynapseFilter": 1, "neuron.surrogate": 1, "neuron.surrogate.Sigmoid": 1,
    "neuron.surrogate.SurrogateFunctionBase": 1, "monitor.InputMonitor": 1, "layer.ElementWiseRecurrentContainer": 1,
    "layer.LinearRecurrentContainer": 1, "layer.StepModeContainer": 1, "neuron.base": 1, "neuron.base.MemoryModule": 1,
    "neuron.base.MultiStepModule": 1, "base.check_backend_library": 1, "encoding.LatencyEncoder": 1,
    "encoding.WeightedPhaseEncoder": 1, "layer.AvgPool1d": 1, "layer.Conv1d": 1,
    "layer.TemporalEffectiveBatchNorm2d": 1, "neuron.EIFNode": 1, "neuron.LIAFNode": 1,
    "neuron_kernel.MultiStepQIFNodePTT.apply": 1, "auto_cuda.cfunction": 1,
    # in no repository that was counted, but in the release
    "ann2snn.converter.VoltageHook": 0, "ann2snn.converter.VoltageScaler": 0, "ann2snn.download_url": 0,
    "quantize.step_quantize_forward": 0, "quantize.k_bit_quantize_forward": 0, "quantize.clamp_backward": 0,
    "neuron_kernel.MultiStepIzhikevichNodePTT.apply": 0, "spike_op.SpikeLinear": 0,
    "tensor_cache.BOOL_TENSOR_CACHE": 0, "auto_cuda.neuron_kernel.LIFNodeATGF.apply": 0,
    "auto_cuda.base.CKernel2D": 0, "auto_cuda.generator.analyse_graph": 0,
}  # fmt: skip

# Names of a later release that only renames
RENAMED = {
    "base.SingleStepModule": "base.SingleModule",
    "neuron.CUBALIFNode": "neuron.CLIFNode",
    "neuron.NoisyCUBALIFNode": "neuron.NoisyCLIFNode",
    "neuron.ILCCUBALIFNode": "neuron.ILCCLIFNode",
    "neuron.NoisyILCCUBALIFNode": "neuron.NoisyILCCLIFNode",
}

# What these modules of activation_based imported
ACTIVATION_BASED_MODULES = {
    "neuron": "Callable abstractmethod ac_neuron_kernel base configure cuda_utils logging math neuron_kernel nn np surrogate "
    "torch LIFNode",
    "layer": "Callable F List Optional Tensor Tuple Union base logging functional math nn torch Conv2d",
    "functional": "Callable F Tensor base math neuron nn torch reset_net",
    "surrogate": "F math nn torch ATan",
    "encoding": "F abstractmethod base functional math nn torch PoissonEncoder",
}

# Everything that earlier releases offered in these modules of clock_driven
CLOCK_DRIVEN_MODULES = {
    "neuron": "BaseNode AdaptiveBaseNode IFNode LIFNode ParametricLIFNode QIFNode EIFNode GeneralNode LIAFNode MultiStepIFNode "
    "MultiStepLIFNode MultiStepParametricLIFNode MultiStepEIFNode MultiStepGeneralNode base check_backend surrogate torch "
    "nn math np configure cu_kernel_opt lava_exchange neuron_kernel",
    "layer": "AXAT ChannelsPool ConvBatchNorm2d DCT DropConnectLinear Dropout Dropout2d ElementWiseRecurrentContainer "
    "LinearRecurrentContainer MultiStepContainer MultiStepDropout MultiStepDropout2d MultiStepTemporalWiseAttention "
    "MultiStepThresholdDependentBatchNorm1d MultiStepThresholdDependentBatchNorm2d MultiStepThresholdDependentBatchNorm3d "
    "NeuNorm PrintShapeModule STDPLearner SeqToANNContainer SynapseFilter functional nn torch F",
    "functional": "first_spike_index fuse_convbn2d fused_conv2d_bias_of_convbn2d fused_conv2d_weight_of_convbn2d "
    "kaiming_normal_conv_linear_weight kernel_dot_product multi_step_forward redundant_one_hot reset_net "
    "scale_fused_conv2d_bias_of_convbn2d scale_fused_conv2d_weight_of_convbn2d seq_to_ann_forward set_monitor "
    "set_threshold_margin spike_cluster spike_similar_loss temporal_efficient_training_cross_entropy",
    "surrogate": "ATan Erf MultiArgsSurrogateFunctionBase NonzeroSignLogAbs PiecewiseExp PiecewiseLeakyReLU QPseudoSpike "
    "PiecewiseQuadratic S2NN Sigmoid SoftSign SquarewaveFourierSeries SurrogateFunctionBase atan check_cuda_grad "
    "check_manual_grad erf heaviside nonzero_sign_log_abs piecewise_exp piecewise_leaky_relu piecewise_quadratic s2nn "
    "q_pseudo_spike sigmoid soft_sign squarewave_fourier_series",
    "encoding": "LatencyEncoder PeriodicEncoder PoissonEncoder StatefulEncoder StatelessEncoder WeightedPhaseEncoder",
    "cu_kernel_opt": "DeviceEnvironment GPUMonitor cal_blocks cal_fun_t cuda_timer get_contiguous wrap_args_to_raw_kernel",
    "neuron_kernel": "MultiStepIFNodePTT MultiStepLIFNodePTT MultiStepParametricLIFNodePTT MultiStepEIFNodePTT",
}
