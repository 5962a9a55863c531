"""Prediction from exported graphs: through ONNX Runtime or OpenVINO, without torch."""
