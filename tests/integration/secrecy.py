"""The search for what must never be told: in any file, as it is, in base64 at each alignment, in hexadecimal."""
import base64
import pathlib
import subprocess
import tempfile

from events import CANARY


def in_base64(data):
    """What a base64 text has of these bytes wherever in it they begin: the characters that depend on nothing else."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + data)
        whole = (before + len(data)) * 8 // 6
        yield text[(before * 8 + 5) // 6:whole]


def spellings(data):
    """{spelling: bytes}. A line is what grep looks for, so of the bytes themselves it is the longest one."""
    found = {"plain": max(data.split(b"\n"), key=len), "hex": data.hex().encode(), "HEX": data.hex().upper().encode()}
    for before, text in enumerate(in_base64(data)):
        found[f"base64 at {before}"] = text
        found[f"base64url at {before}"] = text.translate(bytes.maketrans(b"+/", b"-_"))
    return found


class Canaries:
    """Texts and keys, and the places of files in which one of them stands."""

    def __init__(self):
        self.names = {}  # spelling → what it is

    def add(self, name, data):
        for spelling, text in spellings(data).items():
            assert len(text) >= 8, f"{name}: too short to be looked for"
            self.names.setdefault(text, f"{name}, {spelling}")

    def add_secret(self, secret):
        """As it stands in the settings (whsec_…, a password), and the key that it decodes to."""
        kind, mark, key = secret.rpartition("_")
        if mark and kind in ("whsec", "whsk"):
            self.add("a key", base64.b64decode(key))
            self.add("a secret", key.encode())
        else:
            self.add("a secret", secret.encode())

    def add_all(self, others):
        self.names.update(others.names)

    def found_in(self, paths):
        """`FILE tells …` for each file and canary; folders are looked through, but for a broker's indexes, each of
        which is 10 MB of nothing. One grep for all."""
        paths = [str(path) for path in paths]
        if not paths or not self.names:
            return []
        with tempfile.NamedTemporaryFile() as wanted:
            wanted.write(b"".join(text + b"\n" for text in self.names))
            wanted.flush()
            run = subprocess.run(["grep", "-r", "-a", "-o", "-F", "-H", "-Z", "--exclude=*.index",
                                  "--exclude=*.timeindex", "-f", wanted.name, "--", *paths],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
        assert run.returncode in (0, 1), run.stderr.decode()
        told = set()
        for line in run.stdout.splitlines():
            path, _, text = line.partition(b"\0")
            told.add(f"{pathlib.Path(path.decode()).name} tells {self.names.get(text, text)}")
        return sorted(told)

    def found_in_texts(self, texts):
        """The same of (name, bytes)."""
        return sorted({f"{name} tells {what}" for name, text in texts for canary, what in self.names.items()
                       if canary in text})


# Of the whole run, for what is kept longer than a test: the broker's files.
SECRETS_OF_THE_RUN = Canaries()
NARRATIVES = Canaries()
NARRATIVES.add("a narrative", CANARY.encode())


def told_on_the_log(log):
    """Secrets anywhere in the broker's files, whatever wrote them there; narratives in what dead letters say about
    their events."""
    letters = log.read_topics([topic for topic in log.topics() if topic.endswith("-dead-letters")])
    headers = [(f"{letter.topic} {letter.partition}:{letter.offset} {name}", name.encode() + b"=" + (value or b""))
               for letter in letters for name, value in letter.headers]
    print(f"searched: {len(headers)} headers of {len(letters)} dead letters")
    return SECRETS_OF_THE_RUN.found_in([log.node.folder]) + NARRATIVES.found_in_texts(headers)
