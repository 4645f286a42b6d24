// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace poolscope {

/// A C++ (or C) symbol for a person: demangled, without the list of parameters, the return type and
/// the compiler's remarks: "_Z4loadi" gives "load". What cannot be demangled stays as it is.
/// At most 512 bytes.
std::string function_name(const char* symbol);

/// The same for a name that is demangled already.
std::string without_parameters(std::string_view demangled);

} // namespace poolscope
