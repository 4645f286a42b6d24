// SPDX-License-Identifier: GPL-3.0-or-later
// make_golden FILE: writes the recording that stands in tests/data as vN.poolrec, one for each
// version of the format. A committed one is never made again: it proves that old files can still be
// read.
#include "tests/record/stream.h"

#include <cstdio>

using namespace poolscope;
using namespace poolscope::test;

int main(int argc, char** argv)
{
    if (argc != 2) {
        std::fputs("usage: make_golden FILE\n", stderr);
        return 2;
    }
    const std::string trouble = record_all(argv[1], golden_observations(5), golden_options(5));
    if (trouble.empty())
        return 0;
    std::fprintf(stderr, "%s\n", trouble.c_str());
    return 1;
}
