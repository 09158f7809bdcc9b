"""Sizes of KerasCV's backbones, which KerasCV itself fetches from a server."""


def _keras_cv_sizes():
    """Class and arguments of KerasCV's backbones by name."""
    sizes = {}
    for number, blocks in {
        18: (2, 2, 2, 2),
        34: (3, 4, 6, 3),
        50: (3, 4, 6, 3),
        101: (3, 4, 23, 3),
        152: (3, 8, 36, 3),
    }.items():
        settings = {
            "stackwise_filters": [64, 128, 256, 512],
            "stackwise_blocks": [*blocks],
            "stackwise_strides": [1, 2, 2, 2],
            "block_type": "basic_block" if number < 50 else "block",
        }
        for version in ("", "V2"):
            found = f"ResNet{version}Backbone", settings
            sizes[f"ResNet{number}{version}Backbone"] = found
    for number, (width, depth) in enumerate(
        [(1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4)]
    ):
        sizes[f"EfficientNetV2B{number}Backbone"] = (
            "EfficientNetV2Backbone",
            {
                "width_coefficient": width,
                "depth_coefficient": depth,
                "stackwise_kernel_sizes": [3] * 6,
                "stackwise_num_repeats": [1, 2, 2, 3, 5, 8],
                "stackwise_input_filters": [32, 16, 32, 48, 96, 112],
                "stackwise_output_filters": [16, 32, 48, 96, 112, 192],
                "stackwise_expansion_ratios": [1, 4, 4, 4, 6, 6],
                "stackwise_squeeze_and_excite_ratios": [0.0] * 3 + [0.25] * 3,
                "stackwise_strides": [1, 2, 2, 2, 1, 2],
                "stackwise_conv_types": ["fused"] * 3 + ["unfused"] * 3,
                "skip_connection_dropout": 0.0,
            },
        )
    for letter, channels, depth in (
        ("Tiny", 48, 1),
        ("S", 64, 1),
        ("M", 96, 2),
        ("L", 128, 3),
        ("XL", 170, 4),
    ):
        sizes[f"CSPDarkNet{letter}Backbone"] = (
            "CSPDarkNetBackbone",
            {
                "stackwise_channels": [channels * 2**stage for stage in range(4)],
                "stackwise_depth": [depth, 3 * depth, 3 * depth, depth],
            },
        )
    for number, repeats in {
        121: [6, 12, 24, 16],
        169: [6, 12, 32, 32],
        201: [6, 12, 48, 32],
    }.items():
        sizes[f"DenseNet{number}Backbone"] = (
            "DenseNetBackbone",
            {"stackwise_num_repeats": repeats},
        )
    return sizes


KERAS_CV_SIZES = _keras_cv_sizes()
