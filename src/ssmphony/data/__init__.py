"""From corpora on disk to batches: preparation, manifests, dataset, batching."""
