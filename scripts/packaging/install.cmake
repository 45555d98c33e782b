# What `cmake --install` and CPack put into a package: the library, the public headers, what find_package and pkg-config
# read, the tools.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

if(NOT PROJECT_IS_TOP_LEVEL)
  option(SINTER_INSTALL "Install Sinter together with the project around it" OFF)
  if(NOT SINTER_INSTALL)
    return()
  endif()
endif()

set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/sinter)
set(generated ${PROJECT_BINARY_DIR}/packaging)

install(TARGETS sinter EXPORT sinter_targets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
add_dependencies(sinter sinter-runtime) # where one is installed, both are
install(TARGETS sinter-runtime EXPORT sinter_runtime_targets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(SINTER_MPI)
  # Where a project around builds what it uses, this may be left out.
  install(TARGETS sinter-mpi EXPORT sinter_mpi_targets OPTIONAL INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT sinter_mpi_targets NAMESPACE sinter:: FILE sinter-mpi-targets.cmake DESTINATION ${config_folder})
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/frontend/include/sinter DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(EXPORT sinter_targets NAMESPACE sinter:: FILE sinter-targets.cmake DESTINATION ${config_folder})
install(EXPORT sinter_runtime_targets NAMESPACE sinter:: FILE sinter-runtime-targets.cmake
        DESTINATION ${config_folder})
if(SINTER_TOOLS)
  install(TARGETS sinter-compile sinter-config sinter-opt sinter-reduce sinter-run)
endif()

set(SINTER_BACKENDS reference cpu)
if(SINTER_VULKAN)
  list(APPEND SINTER_BACKENDS vulkan)
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sinter-config.cmake.in ${generated}/sinter-config.cmake
                              INSTALL_DESTINATION ${config_folder} NO_SET_AND_CHECK_MACRO
                              NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${generated}/sinter-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${generated}/sinter-config.cmake ${generated}/sinter-config-version.cmake DESTINATION ${config_folder})

# What a linker needs besides where the library is an archive.
set(SINTER_LIBS "")
if(NOT BUILD_SHARED_LIBS)
  set(SINTER_LIBS "-lfmt -L${LLVM_LIBRARY_DIR} -lLLVM-${LLVM_VERSION_MAJOR}")
  if(SINTER_VULKAN)
    string(APPEND SINTER_LIBS " -lSPIRV -lglslang -lMachineIndependent -lGenericCodeGen -lOSDependent -lOGLCompiler"
                  " -lglslang-default-resource-limits -lSPIRV-Tools-opt -lSPIRV-Tools")
  endif()
  string(APPEND SINTER_LIBS " -ldl -pthread")
endif()
file(RELATIVE_PATH SINTER_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" SINTER_PREFIX "${SINTER_PREFIX}")
configure_file(${CMAKE_CURRENT_LIST_DIR}/sinter.pc.in ${generated}/sinter.pc @ONLY)
install(FILES ${generated}/sinter.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(PROJECT_IS_TOP_LEVEL)
  set(CPACK_GENERATOR DEB)
  set(CPACK_PACKAGE_NAME sinter)
  set(CPACK_PACKAGE_VENDOR Sinter)
  set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Deep learning in C++20 that compiles whole training steps")
  set(CPACK_PACKAGE_CONTACT "the authors of Sinter")
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libvulkan1")
  if(NOT BUILD_SHARED_LIBS)
    set(CPACK_DEBIAN_PACKAGE_DEPENDS "libfmt-dev, llvm-${LLVM_VERSION_MAJOR}-dev")
    if(SINTER_VULKAN)
      string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", glslang-dev, glslang-tools, spirv-tools")
    endif()
  endif()
  set(CPACK_STRIP_FILES ON)
  include(CPack)
endif()
