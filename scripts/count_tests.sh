#!/usr/bin/env bash
# count_tests.sh FOLDER: counts the tests of one ctest run. FOLDER holds ctest.xml, ctest's own report, in which
# a test program is one test, and <test>.xml, the report of each such program, in which its tests are. Names those
# that failed or were skipped, and counts these by what they lacked. Fails where a test failed or none ran.
set -euo pipefail
reports=$1

# ctest.xml → "<passed|failed|skipped> <name>" for each of its tests.
ctest_results() {
  awk '/<testcase / {
    match($0, / name="[^"]*"/); name = substr($0, RSTART + 7, RLENGTH - 8)
    match($0, / status="[^"]*"/); status = substr($0, RSTART + 9, RLENGTH - 10)
    print (status == "run" ? "passed" : status == "disabled" ? "skipped" : "failed"), name
  }' "$reports/ctest.xml"
}

# GoogleTest's report → the same for each of its tests, with why it was skipped.
gtest_results() {
  awk '
    function flush() { if (name != "") print result, name, reason; name = reason = "" }
    /<testcase / {
      flush()
      match($0, / name="[^"]*"/); name = substr($0, RSTART + 7, RLENGTH - 8)
      match($0, / classname="[^"]*"/); name = substr($0, RSTART + 12, RLENGTH - 13) "." name
      result = $0 ~ / result="completed"/ ? "passed" : "skipped"
    }
    /<failure / { result = "failed" }
    /<skipped message=/ {  # its place, and what the test said
      match($0, /&#x0A;[^"]*"/); reason = substr($0, RSTART + 6, RLENGTH - 7); sub(/&#x0A;.*/, "", reason)
    }
    END { flush() }' "$1"
}

# A program that failed without a failed test in its report (it crashed, or hung) is itself the failed test.
results() {
  local status name inner
  while read -r status name; do
    if [[ -f $reports/$name.xml ]]; then
      inner=$(gtest_results "$reports/$name.xml")
      [[ -z $inner ]] || echo "$inner"
      [[ $status != failed || $'\n'$inner == *$'\n'"failed "* ]] || echo "failed $name"
    else
      echo "$status $name"
    fi
  done < <(ctest_results)
}

results | awk '
  { count[$1]++; reason = $0; sub(/^[^ ]* [^ ]* ?/, "", reason) }
  $1 == "skipped" && reason != "" { skipped[reason]++ }
  $1 != "passed" { print $1 ": " $2 }
  END {
    for (reason in skipped) printf "%d skipped: %s\n", skipped[reason], reason
    printf "%d passed, %d failed", count["passed"], count["failed"]
    if (count["skipped"]) printf ", %d skipped", count["skipped"]
    printf "\n"
    exit count["failed"] > 0 || count["passed"] == 0
  }'
