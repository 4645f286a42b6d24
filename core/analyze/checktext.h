// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// One setting of a text, as it stands there.
struct ConfigEntry
{
    std::string section; ///< of an .ini
    std::string key;     ///< of YAML with its parents: "spring.datasource.hikari.maximum-pool-size"
    std::string value;
    int line = 0;         ///< from 1; where it begins
    bool readable = true; ///< false: more than a plain value; `value` is then as it was written
};

/// What was read, and what was passed over.
struct ConfigText
{
    std::vector<ConfigEntry> entries;
    std::vector<std::string> notes; ///< "line 12: a second document begins; it is not read"
};

inline constexpr std::size_t longest_config_text = std::size_t{1} << 20;
inline constexpr std::size_t most_config_entries = 20'000;

// Small, strict readers of simple files. None reads another file, none fills anything in. An
// error's sentence begins with the line: "line 3: …". Longer than longest_config_text is an error.

/// Java's .properties: '=', ':' or a space; comments; continued lines; \uXXXX and the other
/// escapes.
Result<ConfigText> read_properties(std::string_view text);
/// Block mappings of plain and quoted values, as configuration has them; the first document alone.
/// Lists, anchors and flow style are passed over as not readable.
Result<ConfigText> read_simple_yaml(std::string_view text);
/// [section], name = value, comments by ';' or '#' at the beginning of a line.
Result<ConfigText> read_ini(std::string_view text);

} // namespace poolscope
