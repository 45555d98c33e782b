#!/usr/bin/env bash
# Packs programs of a release build, tests of devices among them, with the libraries that they load, to be run where
# nothing of this is installed: on a machine with a GPU, under any Linux whose C library is at least as new as this one's.
#   scripts/portable.sh [ARCHIVE [PROGRAM...]]    build/portable.tar.xz; programs of build/release/bin beside the usual
# There:  tar xf portable.tar.xz && portable/run vulkan_tests --gtest_brief=1
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
archive=$(realpath -m "${1:-build/portable.tar.xz}")
shift $(($# > 0 ? 1 : 0))
programs=(sinter-run sinter-bench op-matrix attention_classifier
  vulkan_tests attention_tests gradients_tests reference_tests "$@")
# What NVIDIA's driver is linked with, as on a machine with a desktop.
dispatch=(libegl1 libgl1 libgles2 libglvnd0 libglx0 libopengl0)
most_bytes=$((60 * 1000 * 1000))

build "${programs[@]}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=$scratch/portable
mkdir -p "$root"/{bin,lib,layers,tests/ir,tests/vulkan}

for program in "${programs[@]}"; do
  strip -o "$root/bin/$program" "$build_folder/bin/$program"
done

# Where a shared library is that the loader finds by its name.
library() {
  ldconfig -p | awk -v name="$1" '$1 == name && /x86-64|AArch64/ { print $NF; exit }'
}
# The C library is the machine's own, as its drivers are.
loaded=$(ldd "$root"/bin/* | awk '$2 == "=>" { print $3 }' | sort -u |
  grep -v -E '/(libc|libm|libdl|libpthread|librt|ld-linux[^/]*)\.so')
for path in $loaded "$(library libvulkan.so.1)"; do
  cp -L "$path" "$root/lib/"
done
layer=/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json
if [[ -f $layer ]]; then
  cp -L "$(library libVkLayer_khronos_validation.so)" "$root/lib/"
  cp $layer "$root/layers/"
  cp tests/vulkan/validation.txt "$root/tests/vulkan/"
fi
(
  mkdir "$scratch/packages" && cd "$scratch/packages"
  apt-get -q -q download "${dispatch[@]}"
  for package in *.deb; do dpkg --extract "$package" .; done
  cp -n usr/lib/*/*.so.* "$root/lib/"
) 2>"$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
find "$root/lib" -type f -exec strip --strip-unneeded {} +
cp tests/ir/every_op.sg "$root/tests/ir/"

cat >"$root/run" <<'RUN'
#!/bin/sh
# run PROGRAM [ARGUMENT...]: a program of bin/, with the libraries that lie here.
here=$(cd "$(dirname "$0")" && pwd)
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export VK_LAYER_PATH="$here/layers"
program=$1
shift
exec "$here/bin/$program" "$@"
RUN
chmod +x "$root/run"

mkdir -p "$(dirname "$archive")"
tar -C "$scratch" --owner=0 --group=0 -c portable | xz --lzma2=preset=6,dict=192MiB >"$archive"
bytes=$(stat -c %s "$archive")
echo "$archive: $((bytes / 1000000)) MB"
if ((bytes > most_bytes)); then
  echo "that is more than $((most_bytes / 1000000)) MB" >&2
  exit 1
fi
