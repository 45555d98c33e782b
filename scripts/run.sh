#!/usr/bin/env bash
# Installs what is missing, builds the attention classifier and runs it: with the arguments given, or without any
# trains it on a made-up language and shows how it classifies a sentence.
invoked_from=$PWD
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

install_packages
build attention_classifier
program=$PWD/$build_folder/bin/attention_classifier

# Paths among the arguments are relative to where the user stands.
if [[ $# -gt 0 ]]; then
  cd "$invoked_from"
  exec "$program" "$@"
fi
model=$PWD/$build_folder/attention_classifier.safetensors
"$program" train --save "$model"
"$program" predict --load "$model"
