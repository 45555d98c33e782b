# vcpkg install sinter --overlay-ports=scripts/packaging/vcpkg --no-binarycaching: from this tree, with the system's LLVM
# 19.1, fmt, nlohmann_json and glslang, as the README lists them. What vcpkg looks at to see whether a package is still the
# same is this folder, not the tree: after a change there, `vcpkg remove sinter` comes before it.
get_filename_component(SOURCE_PATH ${CMAKE_CURRENT_LIST_DIR}/../../../.. ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES vulkan SINTER_VULKAN mpi SINTER_MPI)
vcpkg_cmake_configure(
  SOURCE_PATH ${SOURCE_PATH}
  OPTIONS ${features} -DSINTER_TESTS=OFF -DSINTER_EXAMPLES=OFF -DSINTER_TOOLS=OFF -DSINTER_BENCH=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/sinter)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/debug/include ${CURRENT_PACKAGES_DIR}/debug/share)
vcpkg_install_copyright(FILE_LIST ${SOURCE_PATH}/LICENSE)
