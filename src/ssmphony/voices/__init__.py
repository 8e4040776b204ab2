"""The voice package: a folder with a manifest and its graphs."""
