#!/usr/bin/env python3
"""Removes each guard and each line of scope in turn, and sees that a test fails.

    scripts/mutants/run.py                     all of them: an hour or two
    scripts/mutants/run.py --kind guard,scope  some kinds (see KINDS)
    scripts/mutants/run.py --file students     those of files whose path has this in it
    scripts/mutants/run.py --list              where they are

Every mutant is compiled into one copy of the sources (target/mutants), asleep; ROLLCALL_MUTANT wakes one. So there is one
build, and then a run of the tests for each, on SQLite, until one fails. The tests that failed are run once more with none
awake, and must pass then. It prints what nobody caught, and how many were.
It needs what `make test` needs; the mutants of field statements are caught without a database.
"""
import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "target" / "mutants" / "tree"
KINDS = {
    "arm": "an arm of a `reach` is left out, so that somebody does not reach what is theirs",
    "wide": "the condition of an arm is left out, so that a role reaches every row",
    "provided": "the condition that all arms share is left out",
    "scope": "a read does without its scope",
    "granted": "a row is given every role as the one by which it was reached",
    "helper": "a condition of what scopes are made of is left out",
    "guard": "an object, or a part of a root, does without its guard",
    "statement": "a field is stated to be for everybody",
    "permission": "a mutation's or a filter's own rule of who may is left out",
}
# For each kind the tests that catch it soonest, by program and names; then come all of them.
ROWS = ("api", ["rows::every_list"])
FIELDS = ("api", ["fields::every_field", "guards::"])
STORES = ("api", ["stores::"])
DOMAINS = (
    "api",
    "admission courses staff students parents subjects timetable marking lessons leave leaving meeting notices feedback "
    "progress profile institute".split(),
)
FIRST = {
    "guard": [("lib", ["graphql::statement"])],
    "statement": [("api", ["guards::schema_graphql"])],
    "permission": [("api", ["arguments::", "oracles::"]), DOMAINS, ("api", ["viewer_can::"])],
    "granted": [STORES, FIELDS],
}
THEN = [
    ("api", ["api_keys::", "sessions::", "signed_in::"]),
    ("api", ["rows::", "fields::", "guards::", "failure_modes::"]),
    ("api", ["matrix::", "viewer_can::", "arguments::", "oracles::"]),
    ("lib", [""]),
    ("api", [""]),
]
# One reads the sources, which the copy changes; the others are of PostgreSQL, of Redis, and of many processes.
SKIPPED = ["::postgres", "races", "redis", "commands::", "no_field_has_a_guard_of_its_own"]


class Mutants:
    """The copy's sources, with a mutant at each place."""

    def __init__(self):
        self.places = []  # (kind, file, line, text)

    def new(self, kind, path, text, position):
        line = text.count("\n", 0, position) + 1
        self.places.append((kind, str(path), line, text.splitlines()[line - 1].strip()))
        return len(self.places)

    def rewrite(self, path, source):
        original = source
        edits = []  # (start, end, replacement), of the original, apart from each other

        def sub(pattern, kinds, template, where=lambda match: True):
            for match in re.finditer(pattern, original, re.M):
                comment = original.rfind("\n", 0, match.start()) + 1
                if original[comment:].lstrip().startswith("//") or not where(match):
                    continue
                numbers = [self.new(kind, path, original, match.start()) for kind in kinds]
                edits.append((match.start(), match.end(), template(match, *numbers)))

        nested = r"\((?:[^()]|\([^()]*\))*\)"
        # A `filter()` without a condition is a scope's, and so is a `granted()` of a call.
        name = r"((?:\w+::)*\w+(?:::<[\w:]+>)?"
        reach = name + nested + r")"
        in_store = path.name != "scope.rs"
        if in_store:
            sub(r"\.when\(\s*Role::", ["arm", "wide"], lambda m, a, w: f".when_mutant({a}, {w}, Role::")
            sub(r"\.all\(Role::", ["arm"], lambda m, n: f".all_mutant({n}, Role::")
            sub(r"\.all_as\(Role::", ["arm"], lambda m, n: f".all_as_mutant({n}, Role::")
            if path.name == "store.rs":
                sub(r"\.provided\(", ["provided"], lambda m, n: f".provided_mutant({n}, ")
            sub(name + f"(?:{nested})?)" + r"\.filter\(\)", ["scope"], lambda m, n: f"{m[1]}.filter().mutant({n})")
            sub(reach + r"\.granted\(\)", ["granted"], lambda m, n: f"{m[1]}.granted().mutant({n})",
                where=lambda m: not m[1].endswith("row()"))  # the roles of a row that is there
            for start, end in helpers(original):
                for a, b in filters(original, start, end):
                    inner = original[a:b]
                    if re.fullmatch(r"\s*reached\s*", inner) or "auth::Reached" in inner:
                        continue
                    n = self.new("helper", path, original, a)
                    edits.append((a, b, f"({inner}).or(flag_{n})"))
                    brace = original.index("{", start) + 1
                    edits.append((brace, brace, f" let flag_{n}: crate::mutant::Flag = crate::mutant::flag({n});"))
        sub(r'guard = "(stated\(self\)|root\(\\"\w+\\"\))"', ["guard"],
            lambda m, n: f'guard = "crate::mutant::guard({n}, {m[1]})"')
        sub(r"auth::apply\(((?:[^()]|\([^()]*\))*)\)", ["statement"],
            lambda m, n: f"auth::apply(crate::mutant::roles({n}, {m[1]}))",
            where=lambda m: m[1] != "ANYONE")  # it is for everybody as it is
        # Who may change: what refuses, and what asks for it.
        sub(r"(?<!else \{ )return Err\((act\.forbidden\(\)(?:\.into\(\))?)\);", ["permission"],
            lambda m, n: f"if !crate::mutant::on({n}) {{ {m[0]} }}")
        sub(r"else \{ (Err\((?:Stop::Failed\()?(?:act|self)\.forbidden\(\)[^;{}]*) \}", ["permission"],
            lambda m, n: f"else if crate::mutant::on({n}) {{ Ok(()) }} else {{ {m[1]} }}")
        sub(r"Verdict::when\((?!true|false|may: bool)((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)", ["permission"],
            lambda m, n: f"Verdict::when(crate::mutant::on({n}) || ({m[1]}))")
        sub(r"granted\.meets\(self\.may\)", ["permission"], lambda m, n: f"(crate::mutant::on({n}) || {m[0]})")
        sub(r"^(\s+)((?:\w+::)*(?:may_in|may_change_contact|may_admit)" + nested +
            r"(?:\.await)?\?;)", ["permission"], lambda m, n: f"{m[1]}if !crate::mutant::on({n}) {{ {m[2]} }}")
        sub(r"^(\s+)(call\.may_filter" + nested + r"\?;)", ["permission"],
            lambda m, n: f"{m[1]}if !crate::mutant::on({n}) {{ {m[2]} }}")
        sub(r"if reached \{ number \} else \{ 0 \}", ["permission"], lambda m, n: f"if crate::mutant::on({n}) || reached {{ number }} else {{ 0 }}")

        for start, end, text in sorted(edits, key=lambda edit: (edit[0], edit[1]), reverse=True):
            source = source[:start] + text + source[end:]
        return source


def helpers(source):
    """The functions that scopes are made of: those with `auto_type`."""
    for match in re.finditer(r"#\[(?:diesel::)?dsl::auto_type[^\]]*\]\s*(?:pub )?fn ", source):
        yield match.end(), source.index("\n}", match.end())


def filters(source, start, end):
    """The arguments of `.filter(…)` that stand in no other one."""
    position = start
    while (position := source.find(".filter(", position, end)) >= 0:
        a = position + len(".filter(")
        depth, b = 1, a
        while depth:
            depth += {"(": 1, ")": -1}.get(source[b], 0)
            b += 1
        if source[a : b - 1]:
            yield a, b - 1
        position = b


def make_copy():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    mutants = Mutants()
    for name in filter(None, files):
        path, target = ROOT / name, COPY / name
        if not path.is_file() or name.startswith(("web/test/", "scripts/mutants/")):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        production = not name.startswith(("src/demo", "src/graphql/complete")) and not name.endswith("tests.rs")
        if name.startswith("src/") and name.endswith(".rs") and production:
            content = mutants.rewrite(Path(name), content.decode()).encode()
        if name == "src/lib.rs":
            content += b"pub mod mutant;\n"
        if name == "src/auth/scope.rs":
            text = content.decode()
            at = text.index("#[cfg(test)]")
            content = (text[:at] + (ROOT / "scripts/mutants/scope.rs").read_text() + "\n" + text[at:]).encode()
        write(target, content)
    write(COPY / "src/mutant.rs", (ROOT / "scripts/mutants/mutant.rs").read_bytes())
    return mutants.places


def write(path, content):
    # What has not changed is not compiled again.
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)


def build(target):
    """The test programs, by what they test."""
    command = ["cargo", "test", "--locked", "--no-run", "--lib", "--test", "api"]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    built = subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True)
    sys.stderr.write(built.stderr[-4000:])
    if built.returncode:
        sys.exit("the copy does not build")
    programs = re.findall(r"Executable .*\((.*)\)", built.stderr)
    return {"api" if Path(program).name.startswith("api-") else "lib": program for program in programs}


class Undecided(Exception):
    """A run that says nothing of its mutant."""


def caught(programs, number, kind, path, seconds):
    """The first test that fails with this mutant awake, and the program it is of."""
    own = ("api", [f"{Path(path).parts[1]}::"])
    first = FIRST.get(kind, [STORES, ROWS, FIELDS])
    for program, names in [own, *first, *THEN] if kind == "permission" else [*first, own, *THEN]:
        if failed := failing(programs[program], names, number, seconds):
            return program, failed
    return None


def failing(program, names, number, seconds):
    """Runs tests on SQLite alone, for the same lines are compiled for both databases, until one fails."""
    command = [program, *names, "--test-threads=1", *(f"--skip={name}" for name in SKIPPED)]
    environment = {**os.environ, "ROLLCALL_MUTANT": str(number), "RUST_BACKTRACE": "0"}
    run = subprocess.Popen(command, cwd=COPY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    watch = threading.Timer(seconds, run.kill)
    watch.start()
    try:
        for line in run.stdout:
            if failed := re.match(r"test (\S+) .*FAILED$", line.rstrip()):
                return failed[1]
        if run.wait() == -signal.SIGKILL:
            raise Undecided("it took too long: the machine may be busy, and a longer --seconds may tell")
        if run.returncode:
            raise Undecided("the tests ended without a word")
        return None
    finally:
        watch.cancel()
        run.kill()
        run.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", default=",".join(KINDS))
    parser.add_argument("--file", default="")
    parser.add_argument("--numbers", default="", help="these alone, as --list numbers them")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=900, help="a run that takes longer decides nothing")
    parser.add_argument("--target", default=str(ROOT / "target" / "mutants" / "target"))
    asked = parser.parse_args()

    places = make_copy()
    kinds, numbers = asked.kind.split(","), set(filter(None, asked.numbers.split(",")))
    chosen = [
        (number, place)
        for number, place in enumerate(places, 1)
        if place[0] in kinds and asked.file in place[1] and (not numbers or str(number) in numbers)
    ]
    if asked.list:
        for number, (kind, path, line, text) in chosen:
            print(f"{number}\t{kind}\t{path}:{line}\t{text}")
        return
    programs = build(asked.target)
    began, escaped, counts, tests = time.monotonic(), [], {}, set()
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        runs = {pool.submit(caught, programs, number, place[0], place[1], asked.seconds): (number, place) for number, place in chosen}
        for run in concurrent.futures.as_completed(runs):
            number, (kind, path, line, text) = runs[run]
            tried, hit = counts.get(kind, (0, 0))
            try:
                test, told = run.result(), "ESCAPED"
            except Undecided as undecided:
                test, told = None, f"UNDECIDED: {undecided}"
            counts[kind] = (tried + 1, hit + bool(test))
            if test:
                tests.add(test)
                told = test[1]
            else:
                escaped.append((number, kind, path, line, text))
            print(f"{number} {kind} {path}:{line}: {told}", flush=True)
    for kind, (tried, hit) in sorted(counts.items()):
        print(f"{kind}: {hit} of {tried} caught ({KINDS[kind]})")
    for number, kind, path, line, text in sorted(escaped):
        print(f"NOT CAUGHT {number} {kind} {path}:{line}: {text}")
    total = sum(tried for tried, _ in counts.values())
    print(f"{total - len(escaped)} of {total} caught in {time.monotonic() - began:.0f} s")
    # Last, so that no more is lost than this.
    for name, program in programs.items():
        names = sorted(test for of, test in tests if of == name)
        if names and (failed := failing(program, ["--exact", *names], 0, asked.seconds)):
            sys.exit(f"{failed} fails with no mutant awake as well")
    sys.exit(bool(escaped))


if __name__ == "__main__":
    main()
