// SPDX-License-Identifier: GPL-3.0-or-later
// Between answers.cpp and leakanswers.cpp; for nobody else.
#pragma once

#include "ui/models/findings.h"

#include <optional>

namespace poolscope::answers {

/// Why the worst of what is exhausted, or nearly so, is; null where nothing is.
std::optional<Answer> diagnosis(const SessionStore& store);
/// Of the line of code that holds connections worst; null where none is suspected.
std::optional<Answer> worstPlace(const SessionStore& store);
/// Of the line of code whose prepared statements are never closed; null where there is none.
std::optional<Answer> worstStatements(const SessionStore& store);
/// Some pool of whose connections none is free.
std::optional<Answer> exhaustedPool(const SessionStore& store);
/// Of a target, one plain line.
QString nameOf(const TargetSummary& target);
/// The line of code that acquired the connection which the session serves; empty where it is not
/// known.
QString lineOf(const SessionStore& store, const SessionKey& session);
/// How many sessions' states the roles may not see: nothing is known of them, least of all that
/// all is well.
std::int64_t hiddenSessions(const SessionStore& store);
/// "what 3 sessions do is hidden."
QString hiddenWords(std::int64_t hidden);
/// Something that knows pools is attached.
bool anyAgent(const SessionStore& store);

} // namespace poolscope::answers
