# Runs a command, whose output it sets `output` to; a script ends where the command fails.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGV}\nends with ${status}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# Runs a command that configures a project, which must not warn.
function(run_configure)
  run(${ARGV})
  if(output MATCHES "Warning")
    message(FATAL_ERROR "configuring warns:\n${output}")
  endif()
endfunction()
