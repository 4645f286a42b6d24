// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/checkfile.h"

#include "core/analyze/checknames.h"
#include "core/analyze/checkparts.h"
#include "core/analyze/checktext.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace poolscope {

namespace {

constexpr std::size_t most_file_pools = 256;
constexpr std::size_t most_file_notes = 50;
constexpr std::size_t most_common_entries = 256;

/// "maximum-pool-size", "maximumPoolSize" and "MAXIMUM_POOL_SIZE" are one to Spring.
std::string relaxed(std::string_view name)
{
    std::string plain;
    for (const char c : name) {
        if (c != '-' && c != '_')
            plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return plain;
}

const SettingName* name_in(std::string_view kind, std::string_view name, bool loosely)
{
    for (const SettingName& each : setting_names()) {
        if (each.kind == kind &&
            (loosely ? relaxed(each.name) == relaxed(name) : each.name == name))
            return &each;
    }
    return nullptr;
}

/// Scheme, host, port and database of a JDBC URL; null where there is none to be read.
Text address_in(std::string_view url)
{
    if (url.starts_with("jdbc:"))
        url.remove_prefix(5);
    const auto address = read_check_address(url);
    if (!address || address->kind.empty() || address->host == "local")
        return {};
    const std::string host = address->host == "loopback" ? "localhost" : address->host;
    return Text{fmt::format("{}://{}:{}/{}", address->kind,
                            host.find(':') == std::string::npos ? host : '[' + host + ']',
                            address->port, address->database)};
}

/// Collects the pools of one file.
class FileReader
{
public:
    FileReader(std::string_view name, ConfigText text)
        : name_(plain_line(name, 256))
        , text_(std::move(text))
    {
        for (const std::string& note : text_.notes)
            this->note(note);
    }

    Result<ConfigFile> of_java()
    {
        const bool spring =
            std::any_of(text_.entries.begin(), text_.entries.end(), [](const ConfigEntry& each) {
                return each.key.starts_with("spring.datasource.");
            });
        if (spring)
            read_spring();
        else
            read_plain();
        if (file_.pools.empty() && !nothing_)
            return nothing();
        return std::move(file_);
    }
    Result<ConfigFile> of_pgbouncer();

private:
    Error nothing() const
    {
        return {fmt::format("{}, line 1: no setting of a pool that Poolscope knows.", name_),
                "Read are HikariCP's and DBCP 2's .properties, Spring Boot's spring.datasource.*, "
                "pgbouncer.ini, and JSON of Poolscope's own."};
    }
    void note(std::string_view what)
    {
        if (file_.notes.size() < most_file_notes)
            file_.notes.push_back(fmt::format("{}, {}.", name_, what));
    }
    void read_spring();
    void read_plain();
    /// True where it is one of that pool's settings.
    bool take(Pool& pool, const ConfigEntry& entry, std::string_view name, bool loosely);
    void finish(Pool pool);

    std::string name_;
    ConfigText text_;
    ConfigFile file_;
    bool nothing_ = false;
};

bool FileReader::take(Pool& pool, const ConfigEntry& entry, std::string_view name, bool loosely)
{
    const SettingName* const known = name_in(pool.kind.str(), name, loosely);
    if (!known) {
        if (const SettingName* const meant = name_in(pool.kind.str(), name, true))
            note(fmt::format("line {}: is {} meant? As it is written there the pool does not know "
                             "it",
                             entry.line, meant->name));
        return false;
    }
    const std::string own{known->name};
    const std::string value = plain_line(entry.value, 256);
    const auto before = std::find_if(pool.configuration.begin(), pool.configuration.end(),
                                     [&](const auto& each) { return each.first == own; });
    if (before != pool.configuration.end()) {
        note(fmt::format("line {}: {} stands there a second time; the later one counts", entry.line,
                         own));
        before->second = value;
    } else {
        pool.configuration.emplace_back(own, value);
    }
    file_.lines[{pool.name, own}] = entry.line;
    Pool alone;
    alone.kind = pool.kind;
    alone.configuration = {{own, value}};
    if (!entry.readable || value.find("${") != std::string::npos || value.empty())
        note(fmt::format("line {}: the value of {} is not a plain one; it is not judged",
                         entry.line, own));
    else if (!PoolSettings{alone}.of(known->trait))
        note(fmt::format("line {}: the value of {} cannot be read; it is not judged", entry.line,
                         own));
    return true;
}

void FileReader::finish(Pool pool)
{
    if (file_.pools.size() < most_file_pools)
        file_.pools.push_back(std::move(pool));
}

void FileReader::read_spring()
{
    constexpr std::array<std::array<std::string_view, 2>, 4> kinds{{{"hikari", "hikaricp"},
                                                                    {"dbcp2", "dbcp2"},
                                                                    {"tomcat", "tomcat-jdbc"},
                                                                    {"druid", "druid"}}};
    constexpr std::string_view prefix = "spring.datasource.";
    Text address;
    for (const ConfigEntry& entry : text_.entries) {
        if (entry.key == "spring.datasource.url" && entry.readable)
            address = address_in(entry.value);
    }
    std::size_t other = 0;
    for (const auto& [group, kind] : kinds) {
        Pool pool;
        pool.name = Text{std::string(group)};
        pool.kind = Text{std::string(kind)};
        pool.database = address;
        const std::string whole = std::string(prefix) + std::string(group) + '.';
        const auto own = [&](const char* name) -> const ConfigEntry* {
            const auto found = std::find_if(
                text_.entries.begin(), text_.entries.end(), [&](const ConfigEntry& each) {
                    return each.key.starts_with(whole) &&
                           relaxed(each.key.substr(whole.size())) == name;
                });
            return found == text_.entries.end() ? nullptr : &*found;
        };
        if (const ConfigEntry* const named = own("poolname"))
            pool.name = Text{plain_line(named->value, 128)};
        for (const char* const url : {"jdbcurl", "url"}) {
            if (const ConfigEntry* const set = own(url); set && set->readable)
                pool.database = address_in(set->value);
        }
        bool any = false;
        for (const ConfigEntry& entry : text_.entries) {
            if (!entry.key.starts_with(whole))
                continue;
            any = true;
            other += take(pool, entry, entry.key.substr(whole.size()), true) ? 0 : 1;
        }
        // Spring Boot sets it itself, before the file does.
        if (kind == "tomcat-jdbc" && !own("testonborrow"))
            pool.configuration.emplace_back("testOnBorrow", "true");
        if (any)
            finish(std::move(pool));
    }
    if (file_.pools.empty()) {
        note("line 1: spring.datasource is set, but not which pool it gets or how; nothing is "
             "judged");
        nothing_ = true;
    }
    if (other > 0)
        note(fmt::format("line 1: {} other settings of its pools are not judged", other));
}

void FileReader::read_plain()
{
    constexpr std::array<std::string_view, 8> of_hikari{
        "maximumPoolSize", "minimumIdle", "connectionTimeout",      "maxLifetime",
        "jdbcUrl",         "poolName",    "leakDetectionThreshold", "dataSourceClassName"};
    constexpr std::array<std::string_view, 5> of_dbcp2{
        "maxTotal", "maxWaitMillis", "maxConnLifetimeMillis", "removeAbandonedOnBorrow",
        "removeAbandonedOnMaintenance"};
    const auto has_any = [&](const auto& names) {
        return std::any_of(text_.entries.begin(), text_.entries.end(), [&](const auto& entry) {
            return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
                return entry.key == name || relaxed(entry.key) == relaxed(name);
            });
        });
    };
    const bool hikari = has_any(of_hikari), dbcp2 = has_any(of_dbcp2);
    if (hikari == dbcp2) {
        if (hikari) {
            note("line 1: it has settings of HikariCP and of DBCP 2; nothing is judged");
            nothing_ = true;
        }
        return;
    }
    Pool pool;
    pool.kind = Text{std::string(hikari ? "hikaricp" : "dbcp2")};
    pool.name = Text{name_.substr(name_.rfind('/') + 1)};
    for (const ConfigEntry& entry : text_.entries) {
        if (hikari && entry.key == "poolName" && !entry.value.empty())
            pool.name = Text{plain_line(entry.value, 128)};
        if (entry.key == (hikari ? "jdbcUrl" : "url"))
            pool.database = address_in(entry.value);
    }
    std::size_t other = 0;
    for (const ConfigEntry& entry : text_.entries)
        other += take(pool, entry, entry.key, false) ? 0 : 1;
    if (other > 0)
        note(fmt::format("line 1: {} other settings are not judged", other));
    finish(std::move(pool));
}

/// The words of "host=10.0.0.5 port=5432 dbname='my shop'"; null where a quote is not closed.
std::optional<std::vector<std::pair<std::string, std::string>>> words_of(std::string_view text)
{
    std::vector<std::pair<std::string, std::string>> words;
    while (true) {
        text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
        if (text.empty())
            return words;
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos || words.size() > 64)
            return std::nullopt;
        std::string name{text.substr(0, equals)};
        name.erase(name.find_last_not_of(" \t") + 1);
        text.remove_prefix(equals + 1);
        text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
        std::string value;
        if (text.starts_with('\'')) {
            const std::size_t end = text.find('\'', 1);
            if (end == std::string_view::npos)
                return std::nullopt;
            value = text.substr(1, end - 1);
            text.remove_prefix(end + 1);
        } else {
            value = text.substr(0, text.find_first_of(" \t"));
            text.remove_prefix(value.size());
        }
        words.emplace_back(std::move(name), std::move(value));
    }
}

Result<ConfigFile> FileReader::of_pgbouncer()
{
    Pool common;
    common.kind = Text{std::string("pgbouncer")};
    std::vector<Pool> pools;
    std::vector<const ConfigEntry*> common_entries;
    for (const ConfigEntry& entry : text_.entries) {
        if (entry.section == "pgbouncer" && common_entries.size() < most_common_entries &&
            name_in("pgbouncer", entry.key, false))
            common_entries.push_back(&entry);
        if (entry.section != "databases" || pools.size() >= most_file_pools)
            continue;
        const auto words = words_of(entry.value);
        if (!words) {
            note(fmt::format("line {}: the database cannot be read; it is not judged", entry.line));
            continue;
        }
        Pool pool = common;
        pool.name = Text{plain_line(entry.key, 128)};
        std::string host = "local", port = "5432", database = entry.key;
        for (const auto& [name, value] : *words) {
            if (name == "host")
                host = value;
            else if (name == "port")
                port = value;
            else if (name == "dbname")
                database = value;
            else if (name != "password" && name != "user" && name_in("pgbouncer", name, false))
                take(pool, {{}, name, value, entry.line, true}, name, false);
        }
        pool.database = Text{
            plain_line(fmt::format("{}:{}/{}", host, port, entry.key == "*" ? "" : database), 512)};
        pools.push_back(std::move(pool));
    }
    if (pools.empty()) {
        pools.push_back(common);
        pools.back().name = Text{std::string("pgbouncer")};
    }
    for (Pool& pool : pools) {
        const auto own = pool.configuration; // what stands at the database comes first
        for (const ConfigEntry* const entry : common_entries) {
            if (std::none_of(own.begin(), own.end(),
                             [&](const auto& set) { return set.first == entry->key; }))
                take(pool, *entry, entry->key, false);
        }
        finish(std::move(pool));
    }
    const bool described =
        std::any_of(text_.entries.begin(), text_.entries.end(), [](const ConfigEntry& each) {
            return each.section == "pgbouncer" || each.section == "databases";
        });
    if (!described)
        return nothing();
    return std::move(file_);
}

} // namespace

Result<ConfigFile> read_config_file(std::string_view name, ConfigFormat format,
                                    std::string_view text)
{
    Result<ConfigText> read = format == ConfigFormat::properties ? read_properties(text)
                              : format == ConfigFormat::yaml     ? read_simple_yaml(text)
                                                                 : read_ini(text);
    if (!read)
        return Error{fmt::format("{}, {}.", plain_line(name, 256), read.error().sentence),
                     read.error().next_step};
    FileReader reader{name, std::move(read).value()};
    return format == ConfigFormat::ini ? reader.of_pgbouncer() : reader.of_java();
}

std::string place_in_file(const ConfigFile& file, std::string_view name,
                          const ConfigFinding& finding)
{
    // "pool_size + max_overflow" stands at the first of them.
    std::string setting = finding.setting.substr(0, finding.setting.find(" + "));
    const auto line = file.lines.find({finding.pool, setting});
    return line == file.lines.end()
               ? std::string{}
               : fmt::format("{}, line {}", plain_line(name, 256), line->second);
}

} // namespace poolscope
