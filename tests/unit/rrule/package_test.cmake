# Installs rrule alone to a fresh prefix, builds package/ against it and runs that.
# cmake -DSOURCE=<project> -DWORK=<scratch folder> -DGENERATOR=<name> -DFLAGS=<C++ flags>
#   -DUNITY=<ON to compile several sources as one> -P package_test.cmake
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE output ERROR_VARIABLE output)
endfunction()

file(REMOVE_RECURSE ${WORK})
set(settings -G ${GENERATOR} -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS=${FLAGS}
  -DCMAKE_UNITY_BUILD=${UNITY})
run(${CMAKE_COMMAND} ${settings} -S ${SOURCE} -B ${WORK}/library
  -DRRULED_DAEMON=OFF -DBUILD_TESTING=OFF -DCMAKE_INSTALL_PREFIX=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/library --parallel 2)
run(${CMAKE_COMMAND} --install ${WORK}/library)
run(${CMAKE_COMMAND} ${settings} -S ${CMAKE_CURRENT_LIST_DIR}/package -B ${WORK}/consumer
  -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/consumer)

execute_process(COMMAND ${WORK}/consumer/consumer OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
set(expected "2026-01-30 09:00:00\n2026-02-27 09:00:00\n2026-03-31 09:00:00\n")
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "the installed library answers\n${output}instead of\n${expected}")
endif()
