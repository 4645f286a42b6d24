// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/places.h"

namespace poolscope::test {
namespace {

QString below(const char* folder, const char* path)
{
    const QString root = QString::fromUtf8(folder);
    return *path ? root + QLatin1Char('/') + QString::fromUtf8(path) : root;
}

} // namespace

QString inTree(const char* path)
{
    return below(SOURCE_FOLDER, path);
}

QString inBuild(const char* path)
{
    return below(BUILD_FOLDER, path);
}

} // namespace poolscope::test
