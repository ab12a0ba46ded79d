"""How many labels share a batch, unless somebody asks otherwise: the same for script and service."""

ON_CPU = 4
"""32 images of `fast`. A processor of its own, which a label worker has, is no quicker with more (4, 8 and 16 slots:
1.06, 1.05 and 1.10 times the best bare pass on a GTSRB net, 1.13, 1.11 and 1.10 on a face net), and the labels that are
the last to end run beside fewer empty slots. Two processors for one program would want 16."""

ON_GPU = 64
"""512 images of `fast`; not measured on one."""
