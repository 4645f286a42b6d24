// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/demo/shop.h"

namespace shop {

/// Sends the day's receipts, and holds a connection while the mail server takes its time.
void send_receipts(Shop& shop);

} // namespace shop
