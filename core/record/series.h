// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/series.h"
#include "core/record/database.h"
#include "core/record/reader.h"

#include <vector>

namespace poolscope::record {

std::vector<TargetSeries> read_series(SQLite::Database& database, Timestamp from, Timestamp to,
                                      std::size_t points);

std::vector<RecordingReader::PastState>
read_past(SQLite::Database& database, const SessionKey& session, Timestamp from, Timestamp to);

} // namespace poolscope::record
