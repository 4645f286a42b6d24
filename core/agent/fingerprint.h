// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace poolscope {

/// Whose statements they are; `any`: what servers read differently ends the text.
enum class Dialect : std::uint8_t { any, postgresql, mysql };

/// By the address of a database: "postgresql://…".
Dialect dialect_of(std::string_view database) noexcept;

/// A statement without its literals, comments and superfluous space, at most about
/// wire::max_statement bytes. Where it cannot be sure what a literal is, or is no UTF-8, it ends,
/// with "…". A literal whose end is missing is one all the same: the statement may have been cut.
/// The same as that of the agents for other languages.
std::string fingerprint(std::string_view statement, Dialect dialect);

} // namespace poolscope
