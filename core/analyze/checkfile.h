// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/check.h"
#include "core/base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace poolscope {

/// Pools as a configuration file describes them.
struct ConfigFile
{
    std::vector<Pool> pools; ///< name, kind, address without secrets, configuration
    /// Where a setting of a pool stands, by the pool's name and its own name; from 1.
    std::map<std::pair<Text, std::string>, int> lines;
    std::vector<std::string> notes; ///< what was not understood; sentences with file and line
};

enum class ConfigFormat : std::uint8_t { properties, yaml, ini };

/// Reads what describes a pool: HikariCP's and DBCP 2's own .properties; Spring Boot's
/// spring.datasource.* for HikariCP, DBCP 2, Tomcat JDBC and Druid, as .properties or YAML;
/// pgbouncer.ini. `name` is the file's, for sentences and for a pool that has none. Values of what
/// is no such setting (passwords among them) are neither kept nor named. An error names file and
/// line.
Result<ConfigFile> read_config_file(std::string_view name, ConfigFormat format,
                                    std::string_view text);

/// A finding's place, for the pools of such a file: "application.properties, line 12"; empty where
/// the setting does not stand there.
std::string place_in_file(const ConfigFile& file, std::string_view name,
                          const ConfigFinding& finding);

} // namespace poolscope
