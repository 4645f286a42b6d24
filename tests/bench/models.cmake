# SPDX-License-Identifier: GPL-3.0-or-later
poolscope_test(bench_models LABEL bench TIMEOUT 300
    SOURCES bench_models.cpp changingrows.h LINKS poolscope_ui_views)
poolscope_test(bench_fleetpage LABEL bench TIMEOUT 300
    SOURCES bench_fleetpage.cpp LINKS poolscope_ui_views)
