"""`ssmphony speechd` as a process: messages in, sound and marks out. Only the standard library."""

import os
import shutil
import subprocess
import threading
from queue import Empty, Queue

COMMAND = "SSMPHONY_COMMAND"
"""Names the program where it is not on the path, with its arguments, if any, after ``|``."""
_REPLY_S = 30
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def find_command():
    """The command that starts the module; None where ssmphony is not installed."""
    named = os.environ.get(COMMAND)
    if named:
        return named.split("|")
    program = shutil.which("ssmphony")
    return [program, "speechd"] if program else None


class Speaker:
    """Speaks one message after the other. The callbacks come from a thread of its own, in the order of the sound."""

    def __init__(self, command, sound, mark, done, error):
        """``sound(samples, sample_rate)`` takes 16-bit samples, ``mark(name)`` the name of a mark.

        Raises RuntimeError where the process cannot speak.
        """
        self._sound, self._mark, self._done, self._error = sound, mark, done, error
        self._replies = Queue()
        self._waiting = Queue()
        self._free = threading.Event()
        self._free.set()
        self._talk = threading.RLock()
        """Held for a command with its replies: nothing else may be written between them."""
        self._round = self._speaking = 0
        """A stop begins another round; what belongs to an earlier one is dropped."""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, creationflags=_NO_WINDOW
        )
        threading.Thread(target=self._read, daemon=True).start()
        if self._ask("INIT") is None or self._ask("AUDIO", "audio_output_method=server") is None:
            self.close()
            raise RuntimeError("ssmphony cannot speak: run `ssmphony speechd` and type INIT to see why")
        threading.Thread(target=self._run, daemon=True).start()

    def voices(self):
        """(name, language) of every voice."""
        return [tuple(line.split("\t")[:2]) for line in self._ask("LIST VOICES") or []]

    def speak(self, text, settings):
        """Speak when what was asked for before is over."""
        self._waiting.put((self._round, text, "\n".join("{}={}".format(*pair) for pair in settings.items())))

    def stop(self):
        """Silence at once, and forget what waits."""
        with self._talk:
            self._round += 1
            self._write("STOP\n")

    def close(self):
        self._round += 1
        self._waiting.put(None)
        try:
            self._process.stdin.close()
            self._process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _run(self):
        """Hands on one message after the other: the module takes the next when it has ended the one before."""
        for number, text, settings in iter(self._waiting.get, None):
            self._free.wait()
            with self._talk:
                if number != self._round:
                    continue
                self._ask("SET", settings)
                self._speaking = number
                self._free.clear()
                if self._ask("SPEAK", text) is None:
                    self._free.set()
                    self._call(self._done)

    def _ask(self, command, body=None):
        """The lines of the last reply, without their codes; None for an error."""
        with self._talk:
            self._write(f"{command}\n")
            if body is not None:
                self._reply()
                self._write("{}\n.\n".format(body.replace("\n.", "\n..")))
            return self._reply()

    def _reply(self):
        try:
            return self._replies.get(timeout=_REPLY_S)
        except Empty:
            return None

    def _write(self, text):
        try:
            self._process.stdin.write(text.encode("utf-8"))
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            self._error(f"ssmphony is gone: {error}")
            self._replies.put(None)

    def _read(self):
        lines, samples, rate = [], b"", 0
        for raw in iter(self._process.stdout.readline, b""):
            if raw.startswith(b"705-AUDIO\0"):
                samples = unescape(raw[10:-1])
                continue
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if line.startswith("705-sample_rate="):
                rate = int(line[16:])
            elif line[3:4] == "-":
                lines.append(line[4:])
            else:
                self._event(line[:3], lines, samples, rate)
                lines, samples = [], b""
        self._free.set()
        self._replies.put(None)

    def _event(self, code, lines, samples, rate):
        current = self._speaking == self._round
        if code[:1] != "7":
            self._replies.put(lines if code[:1] == "2" else None)
        elif code in ("702", "703", "704"):
            self._free.set()
            if current:
                self._call(self._done)
        elif code == "705" and current:
            self._call(self._sound, samples, rate)
        elif code == "700" and current:
            self._call(self._mark, lines[-1])

    def _call(self, callback, *values):
        try:
            callback(*values)
        except Exception as error:  # the events after this one must still be read
            self._error(f"ssmphony: {error!r}")


def unescape(data):
    """Undo the escapes of the protocol, in which 0x7D announces a byte whose sixth bit is inverted."""
    first, *rest = data.split(b"\x7d")
    return first + b"".join(bytes([part[0] ^ 0x20]) + part[1:] for part in rest)
