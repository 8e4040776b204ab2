"""Which frame speaks which token: monotonic alignment and duration targets."""
