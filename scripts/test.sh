#!/usr/bin/env bash
# Installs what is missing, builds everything, runs all tests, and ends with the line "N passed, N failed",
# ", N skipped" added where some were. Arguments go to ctest: scripts/test.sh -R golden
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
packages+=(
  "clang-format-14: checks the formatting of the source"
  "pkg-config: finds the installed library"
  "dpkg-dev: says what a .deb depends on"
  "file: finds the programs in a .deb"
  "doxygen: makes the reference of the public headers"
  "chromium: opens reports, and brings another driver of Vulkan"
)

install_packages
build

reports=$build_folder/test_reports
rm -rf $reports
result=0
ctest --test-dir $build_folder --parallel "$(nproc)" --output-on-failure --output-junit test_reports/ctest.xml \
  "$@" || result=$?
bash scripts/count_tests.sh $reports || result=$?
exit $result
