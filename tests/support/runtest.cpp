// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/runtest.h"

#include <cstdio>
#include <string_view>

namespace poolscope::test {

int run_test(std::initializer_list<NamedTest> tests, int count, char** arguments)
{
    const std::string_view wanted = count > 1 ? arguments[1] : "";
    for (const NamedTest& test : tests) {
        if (wanted == test.name)
            return test.main(count - 1, arguments + 1);
    }
    std::fprintf(stderr, "usage: %s TEST [arguments of Qt Test]\n", arguments[0]);
    for (const NamedTest& test : tests)
        std::fprintf(stderr, "    %s\n", test.name);
    return 2;
}

} // namespace poolscope::test
