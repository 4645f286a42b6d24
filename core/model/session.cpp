// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/session.h"

#include <fmt/format.h>

#include <charconv>

namespace poolscope {

namespace {
constexpr std::array<std::string_view, session_state_count> names{"idle_in_transaction",
                                                                  "idle_in_transaction_aborted",
                                                                  "waiting",
                                                                  "active",
                                                                  "idle",
                                                                  "other",
                                                                  "unknown"};
}

std::string_view name_of(SessionState state)
{
    return names.at(static_cast<std::size_t>(state));
}

std::optional<SessionState> session_state_from_name(std::string_view name)
{
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names.at(i) == name)
            return static_cast<SessionState>(i);
    }
    return std::nullopt;
}

std::string identity_of(const SessionKey& key)
{
    return fmt::format("pg-{}-{}", key.pid.value, to_us(key.started));
}

bool tells_session_start(std::string_view kind)
{
    return kind != "mysql";
}

std::string identity_of(const SessionKey& key, std::string_view kind)
{
    if (tells_session_start(kind))
        return identity_of(key);
    return fmt::format("my-{}-{}", key.pid.value, to_us(key.started));
}

bool same_session(const SessionKey& a, const SessionKey& b, std::string_view kind)
{
    if (tells_session_start(kind))
        return a == b;
    return a.target == b.target && a.pid == b.pid &&
           std::chrono::abs(a.started - b.started) <= std::chrono::seconds{2};
}

std::optional<SessionKey> key_from_identity(TargetId target, std::string_view identity)
{
    constexpr std::string_view prefix = "pg-";
    if (!identity.starts_with(prefix) && !identity.starts_with("my-"))
        return std::nullopt;
    std::int64_t pid = 0, started = 0;
    const char* const end = identity.data() + identity.size();
    auto parsed = std::from_chars(identity.data() + prefix.size(), end, pid);
    if (parsed.ec != std::errc{} || parsed.ptr == end || *parsed.ptr != '-')
        return std::nullopt;
    parsed = std::from_chars(parsed.ptr + 1, end, started);
    if (parsed.ec != std::errc{} || parsed.ptr != end || pid <= 0 || started <= 0)
        return std::nullopt;
    return SessionKey{target, Pid{pid}, timestamp_from_us(started)};
}

bool Session::is_client() const
{
    // MySQL tells no type; where PostgreSQL before 10 has none, the poll makes one up.
    return backend_type.is_null() || backend_type.str() == "client backend";
}

std::uint32_t xid_age(std::uint32_t xid, std::uint64_t next_xid)
{
    // A transaction may have begun, or ended, after the next one was asked for: that is young.
    const auto age = static_cast<std::int32_t>(static_cast<std::uint32_t>(next_xid) - xid);
    return age < 0 ? 0 : static_cast<std::uint32_t>(age);
}

} // namespace poolscope
