#!/usr/bin/env bash
# Scans MODEL against DATA, here or on SERVER, and leaves with the command's exit code.
# Gives out exit-code, and sarif where there is a verdict.
set -euo pipefail

sarif="$RESULTS/result.sarif"
mkdir -p "$RESULTS"
rm -f "$sarif"

# Words, and nothing that they could stand for.
read -r -d '' -a options <<<"$OPTIONS" || true
options=(--data "$DATA" --sarif "$sarif" ${options[@]+"${options[@]}"} -- "$MODEL")

code=0
if [ -n "$SERVER" ]; then
  CLEANSE_SERVER="$SERVER" cleanse submit --wait "${options[@]}" || code=$?
else
  cleanse run --out "$RESULTS" "${options[@]}" || code=$?
fi

echo "exit-code=$code" >>"$GITHUB_OUTPUT"
if [ -f "$sarif" ]; then
  echo "sarif=$sarif" >>"$GITHUB_OUTPUT"
fi
exit "$code"
