# What `cmake --install` and CPack put into packages: the library, the public headers, what find_package and pkg-config
# read, the tools. The component sinter_runtime is what sinter::runtime needs, without a compiler; the component sinter is
# all the rest, and of no use without it.
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

install(TARGETS sinter EXPORT sinter_targets COMPONENT sinter INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
add_dependencies(sinter sinter-runtime) # where one is installed, both are
install(TARGETS sinter-runtime EXPORT sinter_runtime_targets COMPONENT sinter_runtime
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT sinter_targets COMPONENT sinter NAMESPACE sinter:: FILE sinter-targets.cmake
        DESTINATION ${config_folder})
install(EXPORT sinter_runtime_targets COMPONENT sinter_runtime NAMESPACE sinter:: FILE sinter-runtime-targets.cmake
        DESTINATION ${config_folder})
if(SINTER_MPI)
  # Where a project around builds what it uses, this may be left out.
  install(TARGETS sinter-mpi EXPORT sinter_mpi_targets COMPONENT sinter OPTIONAL
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT sinter_mpi_targets COMPONENT sinter NAMESPACE sinter:: FILE sinter-mpi-targets.cmake
          DESTINATION ${config_folder})
endif()
if(SINTER_TOOLS)
  install(TARGETS sinter-compile sinter-config sinter-opt sinter-reduce sinter-run COMPONENT sinter)
endif()

# <sinter/exported.h> and what it includes, and all other headers.
set(headers ${PROJECT_SOURCE_DIR}/frontend/include/sinter)
set(runtime_headers array.h error.h export.h exported.h extent.h function.h types.h)
list(TRANSFORM runtime_headers PREPEND ${headers}/ OUTPUT_VARIABLE files)
install(FILES ${files} COMPONENT sinter_runtime DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sinter)
list(TRANSFORM runtime_headers REPLACE "(.+)" "PATTERN;include/sinter/\\1;EXCLUDE")
install(DIRECTORY ${headers} COMPONENT sinter DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} ${runtime_headers})
foreach(component sinter sinter_runtime)
  string(REPLACE _ - package ${component})
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE COMPONENT ${component}
          DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/${package} RENAME copyright)
endforeach()

set(SINTER_BACKENDS reference cpu)
if(SINTER_VULKAN)
  list(APPEND SINTER_BACKENDS vulkan)
endif()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sinter-config.cmake.in ${generated}/sinter-config.cmake
                              INSTALL_DESTINATION ${config_folder} NO_SET_AND_CHECK_MACRO
                              NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${generated}/sinter-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${generated}/sinter-config.cmake ${generated}/sinter-config-version.cmake COMPONENT sinter_runtime
        DESTINATION ${config_folder})

# NAME.pc for pkg-config: the library libNAME, and what a linker needs besides where it is an archive.
function(sinter_pkg_config name component description)
  set(libraries "-l${name}")
  if(NOT BUILD_SHARED_LIBS)
    list(JOIN ARGN " " others)
    string(APPEND libraries " ${others} -lfmt -ldl -pthread")
  endif()
  file(RELATIVE_PATH SINTER_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  string(REGEX REPLACE "/$" "" SINTER_PREFIX "${SINTER_PREFIX}")
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/sinter.pc.in ${generated}/${name}.pc @ONLY)
  install(FILES ${generated}/${name}.pc COMPONENT ${component} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
set(description "Deep learning in C++20 that compiles whole training steps")
set(runtime_description "Runs what Sinter has compiled for GPUs, without its compiler")
set(compilers -L${LLVM_LIBRARY_DIR} -lLLVM-${LLVM_VERSION_MAJOR})
if(SINTER_VULKAN)
  list(APPEND compilers -lSPIRV -lglslang -lMachineIndependent -lGenericCodeGen -lOSDependent -lOGLCompiler
       -lglslang-default-resource-limits -lSPIRV-Tools-opt -lSPIRV-Tools)
endif()
sinter_pkg_config(sinter sinter "${description}" ${compilers})
sinter_pkg_config(sinter-runtime sinter_runtime "${runtime_description}")

if(PROJECT_IS_TOP_LEVEL)
  set(CPACK_GENERATOR DEB)
  set(CPACK_PACKAGE_NAME sinter)
  set(CPACK_PACKAGE_VENDOR Sinter)
  set(CPACK_PACKAGE_CONTACT "the authors of Sinter")
  set(CPACK_STRIP_FILES ON)
  set(CPACK_COMPONENTS_ALL sinter sinter_runtime)
  set(CPACK_DEB_COMPONENT_INSTALL ON)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libvulkan1")
  set(CPACK_DEBIAN_SINTER_PACKAGE_NAME sinter)
  set(CPACK_DEBIAN_SINTER_RUNTIME_PACKAGE_NAME sinter-runtime)
  set(CPACK_COMPONENT_SINTER_DESCRIPTION "${description}")
  set(CPACK_COMPONENT_SINTER_RUNTIME_DESCRIPTION "${runtime_description}")
  set(CPACK_DEBIAN_SINTER_PACKAGE_DEPENDS "sinter-runtime (= ${PROJECT_VERSION})")
  if(NOT BUILD_SHARED_LIBS)
    set(CPACK_DEBIAN_SINTER_RUNTIME_PACKAGE_DEPENDS "libfmt-dev")
    string(APPEND CPACK_DEBIAN_SINTER_PACKAGE_DEPENDS ", llvm-${LLVM_VERSION_MAJOR}-dev")
    if(SINTER_VULKAN)
      string(APPEND CPACK_DEBIAN_SINTER_PACKAGE_DEPENDS ", glslang-dev, glslang-tools, spirv-tools")
    endif()
  endif()
  include(CPack)
endif()
