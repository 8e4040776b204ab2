"""What training tasks need of a clip, one file a feature; `registry` names them all."""
