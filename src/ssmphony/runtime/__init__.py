"""Exported voices on ONNX Runtime: the same interfaces as the PyTorch systems, without PyTorch."""
