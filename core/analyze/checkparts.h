// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/check.h"
#include "core/analyze/checknames.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What the rules of the configuration check share.
namespace poolscope {

/// Where an address leads. What it does not tell is empty, or 0.
struct CheckAddress
{
    std::string kind; ///< "postgresql", "mysql", "pgbouncer", or empty
    std::string host; ///< lower case; "loopback" for this machine, "local" for a local socket
    int port = 0;
    std::string database;
    friend bool operator==(const CheckAddress&, const CheckAddress&) = default;
};
/// Of a URL with or without "jdbc:", of "host:5432/shop", of "host=db1 port=5432"; null where it
/// names no single place.
std::optional<CheckAddress> read_check_address(std::string_view address);

/// No pool and no server has more.
inline constexpr std::int64_t most_size = 1'000'000'000;

/// One pool, what it is set to, and where it leads.
struct PoolView
{
    const CheckTarget* target = nullptr;
    const Pool* pool = nullptr;
    PoolSettings settings;
    std::optional<std::int64_t> max; ///< connections to the next hop at most; null: not known
    bool unlimited = false;
    std::string max_setting;
    std::string max_value;
    const CheckTarget* server = nullptr; ///< that serves it, whatever is between
    const CheckTarget* pooler = nullptr; ///< between
    std::string role;                    ///< empty: not known
    std::string database;                ///< empty: not known; as the next hop calls it
    const PoolSeries* series = nullptr;

    bool is_poolers_own() const { return pool->kind.str() == "pgbouncer"; }
    /// "pool orders", as it stands in sentences about several.
    std::string words() const;
};

/// Everything there is to judge.
struct CheckScene
{
    const CheckInput& input;
    const CheckOptions& options;
    std::vector<PoolView> pools;
    ConfigReport report{};

    void add(ConfigSeverity severity, std::string rule, const PoolView& of, std::string setting,
             std::string value, std::string proposed, std::string sentence,
             std::vector<std::string> evidence = {});
    void unknown(std::string sentence);
};
CheckScene check_scene(const CheckInput& input, const CheckOptions& options);

/// Digits, and a sign; nothing else.
std::optional<std::int64_t> read_number(std::string_view text);
/// A number of a server's settings; null where it is not told.
std::optional<std::int64_t> server_number(const CheckTarget& server, std::string_view name);
/// A duration of them, by its unit; never 0: that is "off", and null.
std::optional<Duration> server_duration(const CheckTarget& server, std::string_view name);
/// "shop-db", plain.
std::string name_of_target(const CheckTarget& target);
/// A duration that a person would choose, at most `most`: whole minutes or seconds.
Duration rounded_down(Duration most);

// The rules, each adding to the report.
void check_pool_alone(CheckScene& scene, const PoolView& view);
void check_pool_load(CheckScene& scene, const PoolView& view);
void check_idle_times(CheckScene& scene, const PoolView& view);
void check_server(CheckScene& scene, const CheckTarget& server);
void check_pooler(CheckScene& scene, const CheckTarget& pooler);

} // namespace poolscope
