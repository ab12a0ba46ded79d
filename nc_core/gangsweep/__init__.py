"""GangSweep (Zhu et al., ACM Multimedia 2020): a generator for every label makes a mask for each image.

From the paper: generative networks find the perturbations that send images to a label, and for a planted label the
masks of different images persist: they shift features far, and all in the same way, because they all rebuild the
trigger; the label stands out by that; what the generator makes, stamped on images with their true answers, sweeps the
backdoor out. Our own choices: masks blend as those of Neural Cleanse do, so that norms, triggers and everything after
them mean the same for both detectors; the generator is a small one (a bottleneck over a thumbnail of the image), with
Neural Cleanse's optimiser and schedule of lambda; "alike" and "transferable" are measured as the success of the masks'
mean, made from some images, on others; and the verdict is that of `nc_core.detection`, with its p-value.
"""

from nc_core.gangsweep.sweeper import Sweeper

__all__ = ["Sweeper"]
