# SPDX-License-Identifier: GPL-3.0-or-later
add_executable(bench_poll bench_poll.cpp)
target_link_libraries(bench_poll PRIVATE poolscope_core_source poolscope_tests_support fmt::fmt
    poolscope_flags)
# __FILE__ says another place where the compiler's cache was filled from another folder.
target_compile_definitions(bench_poll PRIVATE POOLSCOPE_BENCH_DIR="${CMAKE_CURRENT_SOURCE_DIR}")

# 200 targets of several kinds at once, 50 of them dead.
add_executable(bench_targets bench_targets.cpp "${CMAKE_SOURCE_DIR}/tests/support/crowd.h")
set_target_properties(bench_targets PROPERTIES AUTOMOC ON)
target_link_libraries(bench_targets PRIVATE poolscope_core_capture poolscope_tests_support fmt::fmt
    poolscope_flags)

foreach(each IN ITEMS bench_poll bench_targets)
    add_test(NAME ${each} COMMAND ${each})
    set_tests_properties(${each} PROPERTIES LABELS bench TIMEOUT 600 RUN_SERIAL ON)
endforeach()
