"""Trained parts become a voice package: ONNX graphs, weights and a manifest. Needs PyTorch (extra ``train``)."""
