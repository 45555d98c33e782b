#!/usr/bin/env bash
# A compiler launcher, reuse.sh COMPILER ARGUMENT...: where the build $SINTER_BUILD_DIR has compiled the same source of
# Sinter by the same command, but for what is said of warnings, its object is taken, so that a project that builds Sinter
# within takes seconds. An object that was made by another command, or of another batch of sources, is an error, unless
# $SINTER_OTHERWISE is `compile`.
set -euo pipefail
build=$SINTER_BUILD_DIR

object="" depends="" source="" arguments=("$@")
for ((i = 0; i < $#; ++i)); do
  case ${arguments[i]} in
    -o) object=${arguments[i + 1]} ;;
    -MF) depends=${arguments[i + 1]} ;;
    -c) source=${arguments[i + 1]} ;;
  esac
done
name=CMakeFiles/sinter_${object#*CMakeFiles/sinter_}
[[ $object == *CMakeFiles/sinter_* && -f $build/$name ]] || exec "$@"

# What decides what the object is.
flags() {
  local skip=0 word
  for word in "$@"; do
    if ((skip)); then
      skip=0
      continue
    fi
    case $word in
      -o | -c | -MT | -MF) skip=1 ;;
      -MD | -w | -W* | -fno-fast-math) ;;
      *) echo "$word" ;;
    esac
  done | sort
}
there=$(grep -F -- "-o $name -c" "$build/compile_commands.json")
there=${there#*\"command\": \"}
read -r -a there <<<"${there%\",}"
difference=$(diff <(flags "${there[@]//\\/}") <(flags "$@")) || true
if [[ $source == */Unity/* ]]; then
  difference+=$(diff "$build/CMakeFiles/sinter_${source#*CMakeFiles/sinter_}" "$source") || true
fi
if [[ $difference ]]; then
  [[ ${SINTER_OTHERWISE-} != compile ]] || exec "$@"
  printf '%s is compiled otherwise:\n%s\n' "$object" "$difference" >&2
  exit 1
fi
cp "$build/$name" "$object"
echo "$object:" >"$depends"
