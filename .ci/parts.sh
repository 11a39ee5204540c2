# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Runs the parts of a long check and adds up what they say.

passed=0
failed=0
skipped=0
broken=()

# part NAME COMMAND...: the last line of the command is "N passed, N failed",
# perhaps ", N skipped". One that ends without it has failed as a whole.
part() {
	local name=$1 log last begin=$SECONDS status=0
	local line='^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$'
	shift
	log=$(mktemp "${TMPDIR:-/tmp}/pg-tided-ci.XXXXXX")
	echo "=== $name"
	"$@" </dev/null 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	last=$(tail -n 1 "$log")
	rm -f "$log"
	if [[ $last =~ $line ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
		[ "$status" -eq 0 ] || broken+=("$name: $last")
		if [ "$status" -ne 0 ] && [ "${BASH_REMATCH[2]}" -eq 0 ]; then
			failed=$((failed + 1))
		fi
	else
		failed=$((failed + 1))
		broken+=("$name ended with $status and without figures")
	fi
	echo "=== $name: $((SECONDS - begin)) s"
}

# step NAME COMMAND...: counts as one test.
step() {
	local name=$1 log begin=$SECONDS
	shift
	log=$(mktemp "${TMPDIR:-/tmp}/pg-tided-ci.XXXXXX")
	echo "=== $name"
	if "$@" >"$log" 2>&1 </dev/null; then
		passed=$((passed + 1))
	else
		tail -n 100 "$log"
		failed=$((failed + 1))
		broken+=("$name")
	fi
	rm -f "$log"
	echo "=== $name: $((SECONDS - begin)) s"
}

finish() {
	local name
	for name in "${broken[@]}"; do
		echo "FAILED: $name"
	done
	printf '%d passed, %d failed' "$passed" "$failed"
	[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
	echo
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}
