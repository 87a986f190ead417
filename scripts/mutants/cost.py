#!/usr/bin/env python3
"""What the guards cost: the same queries of the same server with all guards and with none, in one run.

    scripts/mutants/cost.py [--rounds 20] [--requests 100]

One release build of the copy that scripts/mutants/run.py makes; two servers of it on one SQLite file of 2,000 students, one
with the guards and one without. They are asked in turns, and what is compared is the processor time that each took (the
server's own: waiting and this client do not count). Prints for each query both times and their ratio.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from run import COPY, ROOT, make_copy

SIGN_IN = "mutation($i: String!, $p: String!) { signIn(input: {identifier: $i, password: $p}) { token } }"
QUERIES = {
    "50 students with batches and attendance": (
        "ADMIN",
        "{ students(first: 50) { edges { node { id name status batches { id name } "
        "attendanceSummary { present absent late excused percentage } } } } }",
    ),
    "a parent's children": (
        "PARENT",
        "{ viewer { parent { students { edges { node { name batches { name } attendanceSummary { percentage } "
        "attendanceBySubject { subject { name } summary { present absent percentage } } } } } } } }",
    ),
}
NO_GUARDS = 2**32 - 1


def processor_time(pid):
    """Seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(port, query, variables=None, token=None):
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, headers)) as answer:
        answer = json.load(answer)
    if answer.get("errors"):
        sys.exit(answer["errors"][0]["message"])
    return answer["data"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--requests", type=int, default=100)
    asked = parser.parse_args()
    make_copy()
    target = ROOT / "target" / "mutants" / "release"
    # Without the last of the optimiser: both sides have the same, and it builds in a third of the time.
    settings = {"CARGO_TARGET_DIR": str(target), "CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=COPY, env={**os.environ, **settings}, check=True)
    program = target / "release" / "rollcall"
    with tempfile.TemporaryDirectory() as folder:
        base = {"PATH": os.environ["PATH"], "ENVIRONMENT": "development", "DATABASE_URL": f"sqlite:{folder}/cost.db"}
        subprocess.run([program, "migrate"], env=base, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        seed = [program, "seed", "--students", "2000", "--days", "60", "--password", "correct horse battery staple"]
        subprocess.run(seed, env=base, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        servers = {}
        try:
            for name, mutant, port in [("guards", 0, 18181), ("none", NO_GUARDS, 18182)]:
                environment = {**base, "LISTEN_ADDR": f"127.0.0.1:{port}", "ROLLCALL_MUTANT": str(mutant), "LOG_LEVEL": "warn"}
                servers[name] = (subprocess.Popen([program, "serve"], env=environment, cwd=folder), port)
            measure(servers, asked)
        finally:
            for server, _ in servers.values():
                server.terminate()
                server.wait()


def signed_in(port):
    """A token for each role, once the server answers."""
    people = {"ADMIN": "admin@example.org", "PARENT": "parent@example.org"}
    for _ in range(100):
        try:
            password = "correct horse battery staple"
            return {role: ask(port, SIGN_IN, {"i": who, "p": password})["signIn"]["token"] for role, who in people.items()}
        except OSError:
            subprocess.run(["sleep", "0.1"], check=True)
    sys.exit("the server does not answer")


def measure(servers, asked):
    tokens = {name: signed_in(port) for name, (_, port) in servers.items()}
    for title, (role, query) in QUERIES.items():
        ratios, spent = [], {name: 0.0 for name in servers}
        for turn in range(asked.rounds):
            took = {}
            # The one that goes first changes, so that neither always finds the other's warm caches.
            for name in sorted(servers, reverse=bool(turn % 2)):
                server, port = servers[name]
                before = processor_time(server.pid)
                for _ in range(asked.requests):
                    ask(port, query, token=tokens[name][role])
                took[name] = processor_time(server.pid) - before
                spent[name] += took[name]
            ratios.append(took["guards"] / max(took["none"], 1e-9))
        each = {name: 1000 * seconds / (asked.rounds * asked.requests) for name, seconds in spent.items()}
        print(
            f"{title}: {each['guards']:.3f} ms with guards, {each['none']:.3f} ms without, "
            f"ratio {spent['guards'] / spent['none']:.3f} (median of {asked.rounds} rounds {statistics.median(ratios):.3f})"
        )


if __name__ == "__main__":
    main()
