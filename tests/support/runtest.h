// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <initializer_list>

namespace poolscope::test {

struct NamedTest
{
    const char* name;
    int (*main)(int, char**);
};

/// Runs the one that the first argument names, with the others; what it is called by is its own
/// name, so that what an application keeps under its name is each test's own. Without such a name:
/// says which there are, and ends with 2.
int run_test(std::initializer_list<NamedTest> tests, int count, char** arguments);

} // namespace poolscope::test
