// SPDX-License-Identifier: GPL-3.0-or-later
// Where a test finds what it reads and starts. Nothing else that is compiled knows it, so that what
// one clone has compiled is what another would.
#pragma once
#include <QString>

namespace poolscope::test {

/// A file or folder of the source tree: inTree("tests/data"); of its top without a path.
QString inTree(const char* path = "");

/// What the build makes: inBuild("app/poolscope").
QString inBuild(const char* path = "");

} // namespace poolscope::test
