// SPDX-License-Identifier: GPL-3.0-or-later
// Between answers.cpp and leakanswers.cpp; for nobody else.
#pragma once

#include "ui/models/findings.h"

#include <optional>

namespace poolscope::answers {

/// Of the line of code that holds connections worst; null where none is suspected.
std::optional<Answer> worstPlace(const SessionStore& store);
/// Of the line of code whose prepared statements are never closed; null where there is none.
std::optional<Answer> worstStatements(const SessionStore& store);
/// Some pool of whose connections none is free.
std::optional<Answer> exhaustedPool(const SessionStore& store);
/// Of a target, one plain line.
QString nameOf(const TargetSummary& target);
/// Something that knows pools is attached.
bool anyAgent(const SessionStore& store);

} // namespace poolscope::answers
