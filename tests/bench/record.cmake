# SPDX-License-Identifier: GPL-3.0-or-later
add_executable(bench_record bench_record.cpp bench_recordlong.cpp bench_recordlong.h
    bench_recordpools.cpp bench_recordpools.h)
set_target_properties(bench_record PROPERTIES AUTOMOC OFF)
target_link_libraries(bench_record PRIVATE poolscope_test_stream poolscope_flags)
add_test(NAME bench_record COMMAND bench_record --minutes 3)
set_tests_properties(bench_record PROPERTIES LABELS bench TIMEOUT 120)
