#!/usr/bin/env bash
# Runs "go test -v" with the arguments given and prints what go test prints
# without -v; at the end it says which tests were not run, and why. A test that
# is skipped in silence looks like a test that passed.
set -euo pipefail
go test -v "$@" 2>&1 | awk '
	/^go: /    { print; fflush(); next }
	/NOT RUN: / { if (why == "") { why = $0; sub(/^.*NOT RUN: /, "", why) } }
	/^ *--- SKIP: / { names = names " " $3; skipped++ }
	/^ok  \t/ || /^\?   \t/ || /^FAIL\t/ {
		if (/^FAIL\t/) printf "%s", held
		print; fflush()
		if (names != "") missing = missing "NOT RUN in " $2 ":" names " (" (why == "" ? "skipped without a reason" : why) ")\n"
		held = why = names = ""
		next
	}
	/^=== / || /^ *--- PASS: / || /^PASS$/ { next }
	{ held = held $0 "\n" }
	END {
		printf "%s", held
		if (skipped) printf "\n%d tests and subtests were NOT RUN:\n%s", skipped, missing
	}'
