"""Lightning tasks, losses and the run behind `ssmphony train`. The models themselves do not know Lightning."""
