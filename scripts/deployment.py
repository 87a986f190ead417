#!/usr/bin/env python3
"""What scripts/deployment asks of a page, and of an institute that is served.

    deployment.py blocks PAGE FOLDER      the fenced blocks of a page, a file each, and a list of them
    deployment.py ports N                 so many ports of this machine that nobody listens on
    deployment.py count PORT              how many students the administrator, who signs in, is told of
    deployment.py enrol PORT FILE         gives the head of department a second factor, and a session
    deployment.py session PORT FILE       that session is good still
    deployment.py factor PORT FILE        that second factor is
    deployment.py locked PORT             the head of department cannot sign in
"""

import base64
import contextlib
import hmac
import json
import os
import random
import re
import socket
import sys
import time
import urllib.request
from pathlib import Path

HOD, ADMIN = "hod@example.org", "admin@example.org"
SIGN_IN = "mutation ($input: SignInInput!) { signIn(input: $input) { token challenge userErrors { code } } }"
COMPLETE = "mutation ($input: CompleteSignInInput!) { completeSignIn(input: $input) { token userErrors { code } } }"
BEGIN = "mutation ($input: BeginSecondFactorInput!) { beginSecondFactor(input: $input) { secret userErrors { code } } }"
CONFIRM = "mutation ($input: ConfirmSecondFactorInput!) { confirmSecondFactor(input: $input) { token userErrors { code } } }"


def blocks(page, folder):
    """Each block, with lines that go on joined to one, and in `list` its file, its heading and its first line."""
    heading, found, text = "", [], Path(page).read_text()
    for line in re.finditer(r"^#+ (?P<heading>.*)$|^```(?P<kind>\w*)\n(?P<block>(?:.*\n)*?)```$", text, re.M):
        heading = line["heading"] or heading
        if line["block"]:
            file = Path(folder, f"{len(found):02}.{line['kind']}")
            file.write_text(re.sub(r" \\\n *", " ", line["block"]))
            found.append(f"{file}\t{heading}\t{line['block'].splitlines()[0]}\n")
    if text.count("```") != 2 * len(found):
        sys.exit(f"deployment: {page} has a fence that does not begin a line")
    Path(folder, "list").write_text("".join(found))


def ports(number):
    """Of those that outgoing connections do not take."""
    taken = [socket.socket() for _ in range(int(number))]
    for one in taken:
        while one.getsockname()[1] == 0:
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", random.randrange(15000, 30000)))
    print(*(one.getsockname()[1] for one in taken))


def ask(port, query, given=None, token=None):
    """The data of an answer, as if a proxy with TLS had asked; one with an error ends the run."""
    headers = {"Content-Type": "application/json", "Host": "school.example", "X-Forwarded-Proto": "https"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    body = json.dumps({"query": query, "variables": {"input": given} if given else {}}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, headers)
    # No proxy that the environment names.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        told = json.load(answer)
    if "errors" in told:
        sys.exit(f"deployment: {told['errors']}")
    return told["data"]


def change(port, query, given, token=None):
    """What a mutation answers; one that is refused ends the run."""
    (done,) = ask(port, query, given, token).values()
    if done["userErrors"]:
        sys.exit(f"deployment: {done['userErrors']}")
    return done


def sign_in(port, who):
    return change(port, SIGN_IN, {"identifier": who, "password": os.environ["PASSWORD"]})


def code(secret, last):
    """A code (RFC 6238) and its step: the first that is taken now, and after `last`, for none is taken twice."""
    # The step before is taken too, for half a minute: one that stays good for half of that.
    step = max(last + 1, int(time.time() - 15) // 30)
    time.sleep(max(0, (step - 1) * 30 + 1 - time.time()))
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    at = mac[-1] & 15
    return f"{(int.from_bytes(mac[at : at + 4]) & 0x7FFFFFFF) % 10**6:06}", step


def enrol(port, file):
    token = sign_in(port, HOD)["token"]
    secret = change(port, BEGIN, {"currentPassword": os.environ["PASSWORD"]}, token)["secret"]
    digits, step = code(secret, 0)
    token = change(port, CONFIRM, {"code": digits}, token)["token"]
    Path(file).write_text(json.dumps([secret, step, token]))


def session(port, file):
    token = json.loads(Path(file).read_text())[2]
    if "HOD" not in ask(port, "{ viewer { roles } }", token=token)["viewer"]["roles"]:
        sys.exit("deployment: the head of department is not signed in any more")


def factor(port, file):
    secret, last, token = json.loads(Path(file).read_text())
    challenge = sign_in(port, HOD)["challenge"]
    digits, step = code(secret, last)
    change(port, COMPLETE, {"challenge": challenge, "code": digits})
    Path(file).write_text(json.dumps([secret, step, token]))


def locked(port):
    given = {"identifier": HOD, "password": os.environ["PASSWORD"]}
    if not ask(port, SIGN_IN, given)["signIn"]["userErrors"]:
        sys.exit("deployment: the head of department can sign in")


def count(port):
    print(ask(port, "{ students { totalCount } }", token=sign_in(port, ADMIN)["token"])["students"]["totalCount"])


commands = [blocks, ports, count, enrol, session, factor, locked]
{command.__name__: command for command in commands}[sys.argv[1]](*sys.argv[2:])
