// SPDX-License-Identifier: Apache-2.0
#include "core/base/sqlname.h"

namespace poolscope {

std::string sql_name(std::string_view name)
{
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"')
            quoted += c;
        quoted += c;
    }
    return quoted + '"';
}

} // namespace poolscope
