// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/picture.h"
#include "core/record/reader.h"

#include <string>
#include <vector>

namespace poolscope {

// The same as objects.h, for people: plain text, cleaned, one line a thing. Width 0: as wide as it
// is.

std::string sessionsText(const Picture& picture, int width);
std::string leaksText(const Picture& picture, int width);
std::string statesText(const Picture& picture, int width);
std::string poolsText(const Picture& picture, int width);
std::string checkoutsText(const Picture& picture, int width);
/// The part of leaksText that tells of one instrumented process: a paragraph a line of code.
std::string checkoutLeaksText(const Picture& picture, const TargetSummary& target);
std::string blockingText(const Picture& picture, int width);
std::string diagnosesText(const Picture& picture);
/// Of pools that are nearly exhausted and have no diagnosis: sentences, which the text above ends
/// with.
std::vector<std::string> undiagnosed(const Picture& picture);
std::string alertsText(const Picture& picture, int width);
std::string infoText(const RecordingInfo& info);

/// "load_orders (src/orders.cpp:42)".
std::string placeWords(const Place& place);
/// "3 of 4 suspected, the oldest for 6 min 12 s, +1.5 a minute, nothing is free in 2 min"
std::string placeSentence(const Place& place);
/// Text from outside on one line of a terminal.
std::string cleaned(const Text& text, std::size_t maxBytes = 256);
/// Application, else user.
std::string holderOf(const Session& session);
/// What hurts first: suspects, blockers, waiters, open transactions, work, the idle.
std::vector<const SessionRow*> worstFirst(const Picture& picture);

} // namespace poolscope
