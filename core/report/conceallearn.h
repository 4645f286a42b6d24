// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace poolscope::report {

/// "10.0.0.1:5432", "[fe80::1]:5432", "db1.example": the host, and what follows it.
struct AddressParts
{
    std::string_view host;
    std::string_view rest;
};
AddressParts parts_of_address(std::string_view address);

} // namespace poolscope::report
