// SPDX-License-Identifier: GPL-3.0-or-later
// Read by moc before each file: moc 6.4 stumbles over libstdc++'s namespaces ('Parse error at
// "std"') unless the library's own configuration came first.
#include <cstddef>
