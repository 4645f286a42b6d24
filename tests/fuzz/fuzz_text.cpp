// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that turns a text from outside into something of ours.
#include "core/base/text.h"
#include "core/base/time.h"
#include "core/model/session.h"
#include "core/record/reader.h"

#include <cstdlib>

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace poolscope;
    const std::string_view text{reinterpret_cast<const char*>(data), size};

    // Cleaning what is clean changes nothing, and nothing grows past its bound.
    const std::string clean = plain_text(text, 4096);
    require(clean.size() <= 4096 + 3);
    require(clean.size() > 4096 || plain_text(clean, 8192) == clean);
    require(plain_line(text, 256).find('\n') == std::string::npos);

    if (const auto time = parse_iso8601(text))
        require(parse_iso8601(format_iso8601(*time)) == time);
    if (const auto duration = parse_duration(text))
        require(to_us(*duration) >= 0);
    if (const auto key = key_from_identity(TargetId{1}, text))
        require(key_from_identity(TargetId{1}, identity_of(*key)) == key);

    // A literal becomes one character, and nothing else is added.
    require(redact_statement(text).size() <= text.size() + 1);
    return 0;
}
