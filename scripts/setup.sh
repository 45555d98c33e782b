# Sourced by the scripts beside it. Goes to the root of the tree and defines install_packages and build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build_folder=build/release

# Every Debian 12 package that building and testing needs, and what for.
packages=(
  "cmake: configures the build"
  "ninja-build: runs the build"
  "g++: compiles C++20"
  "llvm-19-dev: turns loops into machine code"
  "libvulkan-dev: reaches GPUs"
  "glslang-dev: turns shaders into SPIR-V"
  "glslang-tools: named by the package file of glslang-dev, which refuses to configure without"
  "spirv-tools: checks SPIR-V"
  "mesa-vulkan-drivers: runs the vulkan backend where there is no GPU"
  "vulkan-validationlayers: watches the tests of the vulkan backend"
  "libfmt-dev: formats text"
  "nlohmann-json3-dev: reads and writes the header of safetensors files"
  "libcli11-dev: parses command lines"
  "libopenmpi-dev: lets several processes train together"
  "libmpich-dev: the other MPI that the tests try"
  "libgtest-dev: runs the tests"
  "libgmock-dev: matchers of the tests"
)

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "installing packages needs root or sudo: run as root: $*" >&2
    return 1
  fi
}

# Says and installs what is missing. Elsewhere than on Debian the packages are up to the user.
install_packages() {
  command -v dpkg-query >/dev/null || return 0
  local installed entry missing=()
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]%%:*}" 2>/dev/null) || true
  for entry in "${packages[@]}"; do
    if [[ $'\n'$installed$'\n' != *$'\n'"installed ${entry%%:*}"$'\n'* ]]; then
      echo "installing $entry"
      missing+=("${entry%%:*}")
    fi
  done
  if [[ ${#missing[@]} -gt 0 ]]; then
    as_root apt-get -q -q update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -q -y --no-install-recommends install "${missing[@]}"
  fi
}

# build [target...]: configures where that was not done for this very folder, and builds what changed.
build() {
  if ! grep -q -s -x -F "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" $build_folder/CMakeCache.txt ||
    [[ ! -f $build_folder/build.ninja ]]; then
    cmake --preset release --fresh
  fi
  cmake --build $build_folder ${1:+--target "$@"}
}
