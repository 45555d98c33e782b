#!/usr/bin/env bash
# Formats all C++ of the tree; with --check, only says what is not formatted, and fails if anything is.
# Debian 12's version 14 is the one that counts: others format differently.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

action=(-i)
[[ ${1:-} == --check ]] && action=(--dry-run --Werror)
find backends bench examples frontend ir passes runtime tests tools \( -name '*.h' -o -name '*.cc' \) -print0 |
  xargs -0 -n 40 -P "$(nproc)" clang-format-14 "${action[@]}"
