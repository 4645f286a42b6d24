// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/wire/messages.h"

#include <string>

/// Messages to lines. Each call appends one line with its newline to `out` and allocates nothing
/// once that has grown. Never longer than max_line: texts are cut at their limits, lists at theirs;
/// of a hello that would still be too long the last pools are left out. Any thread.
namespace poolscope::wire {

void encode(std::string& out, std::uint64_t n, const Hello& hello);
void encode(std::string& out, std::uint64_t n, const Challenge& challenge);
void encode(std::string& out, std::uint64_t n, const Stack& stack);
void encode(std::string& out, std::uint64_t n, const Open& open);
void encode(std::string& out, std::uint64_t n, const Close& close);
void encode(std::string& out, std::uint64_t n, const Wait& wait);
void encode(std::string& out, std::uint64_t n, const Checkout& checkout);
void encode(std::string& out, std::uint64_t n, const Use& use);
void encode(std::string& out, std::uint64_t n, const Beat& beat);
void encode(std::string& out, std::uint64_t n, const Checkin& checkin);
void encode(std::string& out, std::uint64_t n, const Brief& brief);
void encode(std::string& out, std::uint64_t n, const Timeout& timeout);
void encode(std::string& out, std::uint64_t n, const Health& health);
void encode(std::string& out, std::uint64_t n, const Leak& leak);
void encode(std::string& out, std::uint64_t n, const Stats& stats);
void encode(std::string& out, std::uint64_t n, const Lost& lost);
void encode(std::string& out, std::uint64_t n, const Ready& ready);
void encode(std::string& out, std::uint64_t n, const Pong& pong);
void encode(std::string& out, std::uint64_t n, const Outcome& outcome);
void encode(std::string& out, std::uint64_t n, const Auth& auth);
void encode(std::string& out, std::uint64_t n, const Ping& ping);
void encode(std::string& out, std::uint64_t n, const Resync& resync);
void encode(std::string& out, std::uint64_t n, const Want& want);
void encode(std::string& out, std::uint64_t n, const Reclaim& reclaim);
void encode(std::string& out, const Message& message);

} // namespace poolscope::wire
