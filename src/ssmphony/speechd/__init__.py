"""An output module of Speech Dispatcher: what screen readers on Linux speak with.

Speech Dispatcher starts a module as a program and talks to it on standard input and output. The module answers with
events and with the sound itself (``705 AUDIO``), which the dispatcher plays.

* `protocol`: lines, replies and events on the two pipes.
* `settings`: what ``SET`` changes, as a style and a gain.
* `message`: what is spoken for a text, a character or a key.
* `voices`: which voice and speaker a name means.
* `job`: one message being spoken, which can be stopped.
* `module`: the commands.
* `configuration`, `install`: the files of a user.
"""

from __future__ import annotations

from ssmphony.speechd.module import Module, run

__all__ = ["Module", "run"]
