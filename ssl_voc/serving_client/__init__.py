"""Clients of TensorFlow Serving over REST and gRPC; no TensorFlow needed."""

from ssl_voc.serving_client.rest_client import ServingClient
