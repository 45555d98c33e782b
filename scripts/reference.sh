#!/usr/bin/env bash
# reference.sh FOLDER: makes FOLDER/html/index.html, the reference of the public headers, with Doxygen. Fails where
# Doxygen warns.
set -euo pipefail
folder=$(realpath -m "${1:?takes a folder}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p "$folder"
(cat scripts/reference/Doxyfile; echo "OUTPUT_DIRECTORY = \"$folder\"") | doxygen -
