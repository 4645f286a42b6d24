// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/demo/shop.h"

namespace shop {

/// Works on one connection for 100 s, as announced, and keeps saying that it is alive: a long
/// operation, and no leak.
void rebuild_search_index(Shop& shop);

} // namespace shop
