# SPDX-License-Identifier: GPL-3.0-or-later
add_executable(bench_pool bench_pool.cpp)
set_target_properties(bench_pool PROPERTIES AUTOMOC OFF)
target_link_libraries(bench_pool PRIVATE poolscope_core_pool poolscope_flags)
target_compile_options(bench_pool PRIVATE -fno-omit-frame-pointer)
add_test(NAME bench_pool COMMAND bench_pool --cycles 200000)
set_tests_properties(bench_pool PROPERTIES LABELS bench TIMEOUT 120)
