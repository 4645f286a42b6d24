# SPDX-License-Identifier: GPL-3.0-or-later
find_package(simdjson REQUIRED)
add_executable(bench_wire bench_wire.cpp)
set_target_properties(bench_wire PROPERTIES AUTOMOC OFF)
target_link_libraries(bench_wire PRIVATE poolscope_core_wire_decoder simdjson::simdjson Qt6::Core
    poolscope_flags)
add_test(NAME bench_wire COMMAND bench_wire)
set_tests_properties(bench_wire PROPERTIES LABELS bench TIMEOUT 120)

add_executable(bench_wireagent bench_wireagent.cpp)
set_target_properties(bench_wireagent PROPERTIES AUTOMOC OFF)
target_link_libraries(bench_wireagent PRIVATE poolscope_core_agent poolscope_flags)
add_test(NAME bench_wireagent COMMAND bench_wireagent)
set_tests_properties(bench_wireagent PROPERTIES LABELS bench TIMEOUT 120
    ENVIRONMENT "XDG_RUNTIME_DIR=${CMAKE_BINARY_DIR}")
