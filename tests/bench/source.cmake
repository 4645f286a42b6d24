# SPDX-License-Identifier: GPL-3.0-or-later
add_executable(bench_poll bench_poll.cpp)
target_link_libraries(bench_poll PRIVATE poolscope_core_source poolscope_tests_support fmt::fmt
    poolscope_flags)
# __FILE__ says another place where the compiler's cache was filled from another folder.
target_compile_definitions(bench_poll PRIVATE POOLSCOPE_BENCH_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
