// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/picture.h"
#include "core/analyze/check.h"
#include "core/analyze/checkfile.h"
#include "core/base/result.h"
#include "core/report/json.h"

#include <string>
#include <vector>

namespace poolscope {

/// Pools out of a configuration file, and what there is to say of it.
struct CheckedFile
{
    std::string name; ///< as it was given
    CheckTarget target;
    ConfigFile content;
};

/// Whether an existing file is a recording, by how it begins; else it is taken for a configuration.
bool isRecordingFile(const std::string& file);
/// Reads .properties, .yml and .yaml, .ini, and .json: a pool's settings in Poolscope's own names,
/// or what `pools --json` prints. At most 1 MiB. `id` is given to its target.
Result<CheckedFile> readCheckedFile(const std::string& file, TargetId id);

/// What a picture tells of pools and servers.
CheckInput checkInput(const Picture& picture);

/// The objects of `check`, within an array that the caller opened.
void writeFindings(JsonWriter& json, const CheckInput& input, const ConfigReport& report);
/// The same for people. Width 0: as wide as it is.
std::string findingsText(const CheckInput& input, const ConfigReport& report, int width);

} // namespace poolscope
