# SPDX-License-Identifier: GPL-3.0-or-later
poolscope_test(bench_charts LABEL bench TIMEOUT 300
    SOURCES bench_charts.cpp ../charts/chartdata.h LINKS poolscope_ui_charts Qt6::Charts)
