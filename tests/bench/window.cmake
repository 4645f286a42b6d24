# SPDX-License-Identifier: GPL-3.0-or-later
# The program as a user starts it.
if(TARGET poolscope AND TARGET poolscope_tests_support)
    add_executable(bench_program bench_program.cpp)
    target_link_libraries(bench_program PRIVATE poolscope_tests_support Qt6::Core poolscope_flags)
    add_dependencies(bench_program poolscope)
    add_test(NAME bench_program COMMAND bench_program)
    set_tests_properties(bench_program PROPERTIES LABELS bench TIMEOUT 300 RUN_SERIAL ON)
endif()
