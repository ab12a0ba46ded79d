#!/usr/bin/env bash
# Installs Cleanse, from the revision that this action was taken of, into an environment of its own on the PATH.
# SERVER: where one scans, TensorFlow is not needed here.
set -euo pipefail

root="$(cd "$GITHUB_ACTION_PATH/../.." && pwd)"
environment="$RUNNER_TEMP/cleanse"
lock="$root/requirements/worker-cpu.txt"
if [ -n "$SERVER" ]; then
  lock="$root/requirements/api.txt"
fi

python -m venv "$environment"
install=("$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps)
"${install[@]}" --require-hashes --requirement "$lock"
"${install[@]}" --no-build-isolation "$root"
echo "$environment/bin" >>"$GITHUB_PATH"
