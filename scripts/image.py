"""What scripts/image reads.

    image.py steps DOCKERFILE           its instructions, as calls of bash: the instruction, then what it takes
    image.py context TREE CONTEXT       a tree copied, without what its .dockerignore leaves out
    image.py crates PROGRAM LOCKFILE    what cargo-auditable wrote into a program, held against Cargo.lock

Of the language of Dockerfiles it knows what the Dockerfile has. Everything else ends it: what is passed over is not tried.
"""

import json
import re
import shlex
import shutil
import struct
import sys
import zlib
from pathlib import Path

SECONDS = {"s": 1, "m": 60, "h": 3600}
# What must be among the crates: the program is none without them.
EXPECTED = {"rollcall", "async-graphql", "diesel"}


def fail(message):
    sys.exit(f"image: {message}")


def instructions(text):
    """Lines that go on are joined as they are, comments and empty lines in them left out."""
    joined = begun = ""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"#\s*escape\s*=", line):
            fail(f"Dockerfile:{number}: a directive that is not known here: {line}")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begun = begun or number
        joined += line.lstrip() if not joined else line
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        word, _, rest = joined.partition(" ")
        yield begun, word.upper(), rest.strip()
        joined = begun = ""
    if joined:
        fail("Dockerfile: its last line goes on")


class Reader:
    def __init__(self):
        self.number = 0
        self.stages = []
        self.known = {}  # what is put in for $NAME: of the whole file until the first stage, then of each stage
        self.of_file = {}
        self.shell = self.user = False

    def fail(self, message):
        fail(f"Dockerfile:{self.number}: {message}")

    def put_in(self, text):
        def value(match):
            name = match[1] or match[2]
            return self.known[name] if name in self.known else self.fail(f"{name} is not said before")

        text = re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, text)
        return self.fail(f"not known here: {text}") if re.search(r"[$\\'`]", text) else text

    def words(self, text):
        return shlex.split(self.put_in(text))

    def assignments(self, text):
        words = self.words(text)
        if not words or not all(re.fullmatch(r"[\w.-]+=.*", word) for word in words):
            self.fail(f"not NAME=VALUE: {text}")
        return words

    def listed(self, text):
        """The form of JSON: the other one needs a shell, which the image does not have."""
        try:
            words = json.loads(text)
        except ValueError:
            words = None
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            self.fail(f"not a list of JSON: {text}")
        return words

    def flags(self, text, known):
        """The flags before what an instruction takes, and the rest."""
        found = {}
        while match := re.match(r"--([a-z-]+)=(\S+)\s+", text):
            if match[1] not in known:
                self.fail(f"a flag that is not known here: {match[0]}")
            found[match[1]] = match[2]
            text = text[match.end() :]
        return (found, text) if not text.startswith("--") else self.fail(f"a flag that is not known here: {text}")

    def seconds(self, text):
        match = re.fullmatch(r"(\d+)([smh])", text)
        return int(match[1]) * SECONDS[match[2]] if match else self.fail(f"not a time that is known here: {text}")

    def read(self, instruction, rest):
        """What a call of bash is given."""
        if not self.stages and instruction not in ("ARG", "FROM"):
            self.fail(f"{instruction} before the first stage")
        reading = getattr(self, f"read_{instruction.lower()}", None)
        return reading(rest) if reading else self.fail(f"an instruction that is not known here: {instruction}")

    def read_arg(self, rest):
        (word,) = self.words(rest) if len(self.words(rest)) == 1 else self.fail(f"more than one argument: {rest}")
        name, given, value = word.partition("=")
        if not given and name not in self.of_file:
            self.fail(f"{name} has no value: it would have to be given")
        self.known[name] = value if given else self.of_file[name]
        if not self.stages:
            self.of_file[name] = self.known[name]
            return None
        return [f"{name}={self.known[name]}"]

    def read_from(self, rest):
        self.known = dict(self.of_file)
        words = self.words(rest)
        if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
            self.fail(f"not IMAGE AS NAME: {rest}")
        name = words[2] if len(words) == 3 else str(len(self.stages))
        self.stages.append(name)
        self.known = {}
        self.user = False
        return [name, words[0]]

    def read_run(self, rest):
        if self.user:
            self.fail("RUN after USER is not known here")
        if rest.startswith(("--", "[")) or "<<" in rest:
            self.fail(f"not a plain command: {rest}")
        return [rest]

    def read_copy(self, rest):
        flags, rest = self.flags(rest, {"from"})
        stage = flags.get("from", "")
        if stage and stage not in self.stages[:-1]:
            self.fail(f"{stage} is no stage before this one")
        *sources, target = self.words(rest)
        if not sources or any(re.search(r"[*?\[]|<<", source) for source in sources):
            self.fail(f"not files by name: {rest}")
        return [stage, target, *sources]

    def read_workdir(self, rest):
        return [self.put_in(rest)]

    def read_shell(self, rest):
        return self.listed(rest)

    def read_label(self, rest):
        return self.assignments(rest)

    def read_env(self, rest):
        words = self.assignments(rest)
        self.known |= dict(word.split("=", 1) for word in words)
        return words

    def read_expose(self, rest):
        return self.words(rest)

    def read_user(self, rest):
        self.user = True
        (who,) = self.words(rest)
        return [who] if re.fullmatch(r"\d+:\d+", who) else self.fail(f"not two numbers: {who}")

    def read_healthcheck(self, rest):
        """How long it may take, after how long an engine gives a container up, and the command."""
        flags, rest = self.flags(rest, {"interval", "timeout", "start-period", "retries"})
        if not rest.startswith("CMD "):
            self.fail(f"not a command: {rest}")
        interval, timeout = (self.seconds(flags.get(name, "30s")) for name in ("interval", "timeout"))
        patience = self.seconds(flags.get("start-period", "0s")) + interval * int(flags.get("retries", "3"))
        return [str(timeout), str(patience), *self.listed(rest[4:])]

    def read_entrypoint(self, rest):
        return self.listed(rest)

    def read_cmd(self, rest):
        return self.listed(rest)


def steps(dockerfile):
    reader = Reader()
    calls = []
    for reader.number, instruction, rest in instructions(Path(dockerfile).read_text()):
        taken = reader.read(instruction, rest)
        if taken is not None:
            calls.append(shlex.join([instruction, *taken]))
    print("\n".join(calls))


def pattern(text):
    """A line of .dockerignore: * and ? within a name, ** over folders."""
    if re.search(r"[\[\\]", text):
        fail(f".dockerignore: a pattern that is not known here: {text}")
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", text.strip("/"))
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(special.get(part) or re.escape(part) for part in parts))


def context(tree, target):
    """The last line that fits a file, or a folder that it is in, says whether it is left out."""
    ignore = Path(tree, ".dockerignore")
    lines = [line.strip() for line in ignore.read_text().splitlines()] if ignore.exists() else []
    lines = [(not line.startswith("!"), pattern(line.lstrip("!"))) for line in lines if line and not line.startswith("#")]
    Path(target).mkdir()
    for file in sorted(Path(tree).rglob("*")):
        path = file.relative_to(tree)
        above = [str(path), *(str(folder) for folder in path.parents)][:-1]
        left_out = False
        for leaves_out, fits in lines:
            if any(fits.fullmatch(folder) for folder in above):
                left_out = leaves_out
        if left_out or (file.is_dir() and not file.is_symlink()):
            continue
        to = Path(target, path)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, to, follow_symlinks=False)


def section(program, wanted):
    """A section of an ELF file (64 bits, little-endian), or nothing."""
    if program[:6] != b"\x7fELF\x02\x01":
        fail("the program is none of 64 bits, little-endian")
    (offset,) = struct.unpack_from("<Q", program, 40)
    size, count, names = struct.unpack_from("<HHH", program, 58)
    headers = [struct.unpack_from("<IIQQQQ", program, offset + size * index) for index in range(count)]
    for name, _, _, _, start, length in headers:
        begin = headers[names][4] + name
        if program[begin : program.index(b"\0", begin)].decode() == wanted:
            return program[start : start + length]
    return None


def crates(program, lockfile):
    written = section(Path(program).read_bytes(), ".dep-v0")
    if not written:
        fail("the program has no section .dep-v0: it was not built by cargo-auditable")
    packages = json.loads(zlib.decompress(written))["packages"]
    locked = set(re.findall(r'^name = "(.*)"\nversion = "(.*)"$', Path(lockfile).read_text(), re.M))
    found = {(package["name"], package["version"]) for package in packages}
    if unknown := found - locked:
        fail(f"in the program and not in Cargo.lock: {sorted(unknown)}")
    if missing := EXPECTED - {name for name, _ in found}:
        fail(f"not in what the program says of its crates: {sorted(missing)}")
    built = sum(package.get("kind") == "build" for package in packages)
    named = ", ".join(f"{name} {version}" for name, version in sorted(found) if name in EXPECTED)
    print(f"{len(packages)} crates, {built} of them to build the others; all as in Cargo.lock ({named})")


if __name__ == "__main__":
    commands = {"steps": (steps, 1), "context": (context, 2), "crates": (crates, 2)}
    command, taken = commands.get(sys.argv[1] if len(sys.argv) > 1 else "", (None, 0))
    if not command or len(sys.argv) != taken + 2:
        sys.exit(__doc__)
    command(*sys.argv[2:])
