#!/usr/bin/env bash
# What <sinter/sinter.h> costs whoever includes it, header_cost.sh FOLDER COMPILER ARGUMENT...: FOLDER has a file sinter.cc
# with that header alone, standard.cc with the standard headers that it brings, and empty.cc. Says and bounds how much
# longer the compiler takes for the first than for the others, in the processor's time: the least of several rounds, which
# go on while a bound does not hold, since what else runs on the machine only adds to it.
set -euo pipefail
folder=$1
shift
files=(sinter standard empty)
rounds=5 most_rounds=25

declare -A least
TIMEFORMAT=%U
for ((round = 1; round <= most_rounds; ++round)); do
  for file in "${files[@]}"; do
    said=$({ time "$@" -fsyntax-only "$folder/$file.cc"; } 2>&1) || { echo "$said" >&2 && exit 1; }
    seconds=${said##*$'\n'}
    milliseconds=$((10#${seconds/./}))
    ((milliseconds >= ${least[$file]:-1000000})) || least[$file]=$milliseconds
  done
  more=$((least[sinter] - least[standard]))
  whole=$((least[sinter] - least[empty]))
  # 0.3 s, and on a machine that is faster less: what the standard headers take says how fast it is.
  if ((round >= rounds && more <= 300 && 10 * more <= 6 * least[standard] && whole <= 1500)); then
    echo "<sinter/sinter.h> takes $more ms more than the standard headers that it brings, $whole ms more than nothing"
    exit 0
  fi
done
echo "<sinter/sinter.h> takes $more ms more than the ${least[standard]} ms of the standard headers that it brings, at most" \
  "300 ms and 0.6 times as much are meant to be; and $whole ms more than nothing, at most 1500" >&2
exit 1
