"""The corpora that can be prepared, one file each; `registry` lists them."""
