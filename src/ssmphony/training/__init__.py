"""Lightning tasks, losses and the run of `ssmphony train`. Models and codecs do not import Lightning."""
