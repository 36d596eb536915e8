"""Detections in the formats of others: written for them, and read so that other detectors can be evaluated."""
