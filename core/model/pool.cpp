// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/pool.h"

#include <algorithm>
#include <string_view>
#include <tuple>

namespace poolscope {

namespace {

/// FNV-1a, 64 bit: http://www.isthe.com/chongo/tech/comp/fnv/
class Fnv
{
public:
    void add(std::string_view bytes)
    {
        for (const char byte : bytes)
            add(static_cast<unsigned char>(byte));
        add(0); // "ab" "c" is not "a" "bc"
    }
    void add(std::int32_t number)
    {
        for (int shift = 0; shift < 32; shift += 8)
            add(static_cast<unsigned char>(static_cast<std::uint32_t>(number) >> shift));
    }
    std::uint64_t value() const { return value_ == 0 ? 1 : value_; }

private:
    void add(unsigned char byte) { value_ = (value_ ^ byte) * 1099511628211ULL; }
    std::uint64_t value_ = 14695981039346656037ULL;
};

} // namespace

StackRef make_stack(std::vector<StackLine> lines)
{
    Fnv hash;
    for (const StackLine& line : lines) {
        hash.add(line.function.str());
        hash.add(line.file.str());
        hash.add(line.line);
    }
    return std::make_shared<const Stack>(Stack{std::move(lines), hash.value()});
}

const StackLine* acquiring_line(const Stack* stack)
{
    if (!stack || stack->lines.empty())
        return nullptr;
    const auto own = std::find_if(stack->lines.begin(), stack->lines.end(),
                                  [](const StackLine& line) { return line.own; });
    return own != stack->lines.end() ? &*own : &stack->lines.front();
}

std::string name_of(const StackLine* line)
{
    if (!line || (line->file.empty() && line->function.empty()))
        return "an unknown line";
    if (line->file.empty())
        return line->function.str();
    const std::string& path = line->file.str();
    std::string name = path.substr(path.find_last_of('/') + 1);
    if (line->line > 0)
        name += ":" + std::to_string(line->line);
    return name;
}

bool same_stack(const StackRef& a, const StackRef& b)
{
    return a == b || (a && b && *a == *b);
}

bool operator==(const Checkout& a, const Checkout& b)
{
    const auto rest = [](const Checkout& c) {
        return std::tie(c.key, c.pool, c.connection, c.server_pid, c.local_port, c.acquired, c.wait,
                        c.acquired_by, c.thread, c.trace_id, c.tags, c.expected, c.heartbeat,
                        c.busy, c.busy_since, c.statement, c.reported);
    };
    return rest(a) == rest(b) && same_stack(a.stack, b.stack);
}

bool operator==(const BriefHolds& a, const BriefHolds& b)
{
    return a.pool == b.pool && a.count == b.count && a.held == b.held && a.longest == b.longest &&
           same_stack(a.stack, b.stack);
}

bool operator==(const AcquireTimeout& a, const AcquireTimeout& b)
{
    return a.pool == b.pool && a.time == b.time && a.waited == b.waited &&
           a.acquired_by == b.acquired_by && same_stack(a.stack, b.stack);
}

PlaceKey key_of(const PreparedStatements& prepared)
{
    return {prepared.pool, prepared.stack ? prepared.stack->fingerprint : 0};
}

bool operator==(const PreparedStatements& a, const PreparedStatements& b)
{
    return a.pool == b.pool && a.open == b.open && a.oldest == b.oldest &&
           a.distinct == b.distinct && a.statement == b.statement && same_stack(a.stack, b.stack);
}

bool counts_waits_alone(const Pool& pool)
{
    return pool.kind.str() == "database/sql";
}

} // namespace poolscope
