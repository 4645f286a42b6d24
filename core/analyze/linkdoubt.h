// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// One place that an address names, as far as it tells.
struct LinkPlace
{
    std::string host; ///< lower case; "loopback", "local" (a socket): another machine for each
    int port = 0;     ///< 0: not told, nor usual
    friend bool operator==(const LinkPlace&, const LinkPlace&) = default;
};

/// All that an address names, several hosts too. Empty where it is not to be read, or a parameter
/// has the last word.
std::vector<LinkPlace> read_link_places(std::string_view address);

/// Nothing that both tell speaks against it. An empty list tells nothing.
bool may_be_same_place(const std::vector<LinkPlace>& a, const std::vector<LinkPlace>& b);

/// What speaks against it, where they may not be the same: a clause without any host's name, so
/// that a report may be redacted.
std::string difference_in_words(const std::vector<LinkPlace>& pool,
                                const std::vector<LinkPlace>& server);

} // namespace poolscope
