"""The way of a scan: what is opened and checked, which labels are looked at how closely, and what follows a round."""
