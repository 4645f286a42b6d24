// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// What texts look like that say where or who something is.
namespace poolscope::report {

/// The host of an address, and what follows it: "10.0.0.1:5432", "[fe80::1]:5432", "db1.example".
struct AddressParts
{
    std::string_view host;
    std::string_view rest;
};
AddressParts parts_of_address(std::string_view address);
/// Of what follows a host only ":5432"; else empty.
std::string_view port_alone(std::string_view rest);
/// "local", and what else is nobody's address.
bool is_nobody(std::string_view host);

bool word_character(char c);
std::string in_lower_case(std::string_view text);
/// The length of "10.0.0.1" or "fe80::1" at the beginning; 0 where it is none.
std::size_t address_length(std::string_view text);
/// Whether there is an address, a URL, a path or a name of three parts or more in it.
bool tells_place(std::string_view text);

} // namespace poolscope::report
