# What Sinter does to a project around it:
#   cmake -DSINTER_SOURCE_DIR=... -DWORK_DIR=... -DGENERATOR=... -DCXX=... -P check.cmake
# configures the project in app/ and looks at how its file is compiled, and at what the public headers bring. Nothing is
# built: tests/package does that.
include(${CMAKE_CURRENT_LIST_DIR}/../support/run.cmake)

file(REMOVE_RECURSE ${WORK_DIR})
function(configure_app folder)
  # What is disabled, only Sinter's own programs and tests need.
  run_configure(
    ${CMAKE_COMMAND} -E env --unset=CXXFLAGS
    ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/app -B ${WORK_DIR}/${folder} -G "${GENERATOR}"
    -DCMAKE_CXX_COMPILER=${CXX} -DSINTER_SOURCE_DIR=${SINTER_SOURCE_DIR} -DSINTER_BATCHES=OFF
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON
    ${ARGN})
  file(READ ${WORK_DIR}/${folder}/compile_commands.json commands)
  set(commands "${commands}" PARENT_SCOPE)
endfunction()

# Sets `result` to the command that compiles `file`.
function(command_of file result)
  string(JSON count LENGTH "${commands}")
  math(EXPR last "${count} - 1")
  foreach(i RANGE ${last})
    string(JSON found GET "${commands}" ${i} file)
    if(found STREQUAL file)
      string(JSON command GET "${commands}" ${i} command)
      separate_arguments(command UNIX_COMMAND "${command}")
      set(${result} ${command} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${file} is not compiled")
endfunction()

# Without the backend vulkan nothing of its is asked for, or compiled.
configure_app(cpu_alone -DSINTER_VULKAN=OFF -DCMAKE_DISABLE_FIND_PACKAGE_Vulkan=ON
              -DCMAKE_DISABLE_FIND_PACKAGE_glslang=ON -DCMAKE_DISABLE_FIND_PACKAGE_SPIRV-Tools-opt=ON)
if(commands MATCHES "${SINTER_SOURCE_DIR}/backends/vulkan/")
  message(FATAL_ERROR "SINTER_VULKAN=OFF compiles ${CMAKE_MATCH_0}")
endif()
command_of(${SINTER_SOURCE_DIR}/backends/registry/registry.cc registry)
run(${registry} -fsyntax-only)

configure_app(whole)
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK_DIR}/whole -N)
if(NOT output MATCHES "Total Tests: 0")
  message(FATAL_ERROR "the project has got tests:\n${output}")
endif()

if(commands MATCHES "\"file\": \"${SINTER_SOURCE_DIR}/(tools|examples|bench)/[^\"]*")
  message(FATAL_ERROR "the project is to build ${CMAKE_MATCH_0}")
endif()
command_of(${CMAKE_CURRENT_LIST_DIR}/app/app.cc app)
command_of(${SINTER_SOURCE_DIR}/frontend/training/learning_rates.cc own)

foreach(flag -Wall -Wextra -Wconversion -Wsign-conversion -Werror) # the project's own
  list(REMOVE_ITEM app ${flag})
endforeach()
list(FILTER app EXCLUDE REGEX "^-[oc]$|^CMakeFiles/")
list(POP_FRONT app compiler)
list(POP_BACK app source)
set(expected -isystem ${SINTER_SOURCE_DIR}/frontend/include -std=gnu++20)
if(NOT app STREQUAL expected)
  message(FATAL_ERROR "app.cc is compiled with '${app}', not '${expected}'")
endif()

# The headers are without warnings also where they are not a system's; the library is under the project's.
set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wdouble-promotion -Werror)
run(${compiler} -I ${SINTER_SOURCE_DIR}/frontend/include -std=c++20 ${warnings} -fsyntax-only ${source})
run(${own} -fsyntax-only)

# They include headers of the standard library alone: those that they name bring all that is read besides them.
file(GLOB_RECURSE headers ${SINTER_SOURCE_DIR}/frontend/include/*.h)
set(standard "")
foreach(header IN LISTS headers)
  file(STRINGS ${header} lines REGEX "^#include <[a-z_0-9]+>$")
  list(APPEND standard ${lines})
endforeach()
list(REMOVE_DUPLICATES standard)
list(JOIN standard "\n" standard)
file(WRITE ${WORK_DIR}/standard.cc "${standard}\n")
file(WRITE ${WORK_DIR}/sinter.cc "#include <sinter/sinter.h>\n")
foreach(name standard sinter)
  run(${compiler} -I ${SINTER_SOURCE_DIR}/frontend/include -std=c++20 -M ${WORK_DIR}/${name}.cc)
  string(REGEX REPLACE "[\\\n ]+" ";" read_${name} "${output}")
endforeach()
list(REMOVE_ITEM read_sinter ${read_standard} ${headers} sinter.o: ${WORK_DIR}/sinter.cc)
if(read_sinter)
  message(FATAL_ERROR "<sinter/sinter.h> brings ${read_sinter}")
endif()

# And they cost little more than those.
file(WRITE ${WORK_DIR}/empty.cc "")
run(${CMAKE_CURRENT_LIST_DIR}/header_cost.sh ${WORK_DIR} ${compiler} -I ${SINTER_SOURCE_DIR}/frontend/include -std=c++20)
message(STATUS "${output}")
