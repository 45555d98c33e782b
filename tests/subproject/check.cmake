# What Sinter does to a project around it:
#   cmake -DSINTER_SOURCE_DIR=... -DWORK_DIR=... -DGENERATOR=... -DCXX=... -P check.cmake
# configures the project in app/ and looks at how its file is compiled. Nothing is built: that would be all of Sinter.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGV}\nends with ${status}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
# Only Sinter's own programs and tests need these.
run(${CMAKE_COMMAND} -E env --unset=CXXFLAGS
    ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/app -B ${WORK_DIR} -G "${GENERATOR}" -DCMAKE_CXX_COMPILER=${CXX}
    -DSINTER_SOURCE_DIR=${SINTER_SOURCE_DIR} -DSINTER_BATCHES=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
    -DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON -DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON)
if(output MATCHES "Warning")
  message(FATAL_ERROR "configuring warns:\n${output}")
endif()
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK_DIR} -N)
if(NOT output MATCHES "Total Tests: 0")
  message(FATAL_ERROR "the project has got tests:\n${output}")
endif()

# The commands that compile app/app.cc and a file of the library.
file(READ ${WORK_DIR}/compile_commands.json commands)
string(JSON count LENGTH "${commands}")
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  string(JSON file GET "${commands}" ${i} file)
  string(JSON command GET "${commands}" ${i} command)
  if(file STREQUAL "${CMAKE_CURRENT_LIST_DIR}/app/app.cc")
    separate_arguments(app UNIX_COMMAND "${command}")
  elseif(file STREQUAL "${SINTER_SOURCE_DIR}/frontend/training/learning_rates.cc")
    separate_arguments(own UNIX_COMMAND "${command}")
  elseif(file MATCHES "/(tests|tools|examples|bench)/")
    message(FATAL_ERROR "${file} is the project's to build")
  endif()
endforeach()

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
