# SPDX-License-Identifier: GPL-3.0-or-later
add_executable(bench_pool bench_pool.cpp)
set_target_properties(bench_pool PROPERTIES AUTOMOC OFF)
target_link_libraries(bench_pool PRIVATE poolscope_core_pool poolscope_flags)
target_compile_options(bench_pool PRIVATE -fno-omit-frame-pointer)
add_test(NAME bench_pool COMMAND bench_pool --cycles 200000)
set_tests_properties(bench_pool PROPERTIES LABELS bench TIMEOUT 120)

# Beside a real inspector, and beside other pools (peers/README.md).
if(TARGET poolscope)
    add_executable(bench_attached bench_attached.cpp)
    set_target_properties(bench_attached PROPERTIES AUTOMOC OFF)
    target_link_libraries(bench_attached PRIVATE poolscope_core_pool poolscope_core_agent
        poolscope_flags)
    target_compile_options(bench_attached PRIVATE -fno-omit-frame-pointer)
    add_test(NAME bench_attached COMMAND bench_attached $<TARGET_FILE:poolscope> --cycles 200000)
    set_tests_properties(bench_attached PROPERTIES LABELS bench TIMEOUT 300)
endif()
add_executable(bench_peer_poolscope EXCLUDE_FROM_ALL peers/cpp/cycle.cpp)
set_target_properties(bench_peer_poolscope PROPERTIES AUTOMOC OFF)
target_link_libraries(bench_peer_poolscope PRIVATE poolscope_core_pool poolscope_flags)
target_compile_options(bench_peer_poolscope PRIVATE -fno-omit-frame-pointer)
