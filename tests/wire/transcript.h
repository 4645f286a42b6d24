// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/wire/decoder.h"
#include "core/wire/peerstate.h"

#include <string>
#include <string_view>
#include <vector>

namespace poolscope::test {

/// A golden transcript, as section 10 of PROTOCOL.md describes it.
struct TranscriptLine
{
    enum class Mark : std::uint8_t { agent, agent_escaped, inspector, bad, remark };
    Mark mark = Mark::remark;
    std::string text;   ///< the line itself, escapes resolved; of a remark what it says
    std::string reason; ///< bad
};
std::vector<TranscriptLine> read_transcript(const std::string& name);
std::vector<std::string> transcript_names();

/// Writes every message back as a line, so that it can be compared and outlives the decoder's
/// views.
class Collector : public wire::MessageTaker
{
public:
    void take(const wire::Message& message) override;
    void take_unknown(std::uint64_t n) override { unknown.push_back(n); }
    std::vector<std::string> lines;
    std::vector<std::uint64_t> unknown;
};
std::vector<std::string> decode_all(std::string_view bytes, std::size_t piece,
                                    wire::DecoderFigures* figures = nullptr);

/// Notes what the fold says, one line each.
class Notes : public wire::PeerListener
{
public:
    void unsupported(std::uint64_t version) override;
    void challenged(const wire::Challenge& challenge) override;
    void hello(const wire::Hello& hello, std::uint64_t n) override;
    void appeared(const wire::Message& message) override;
    void checkout_vanished(std::string_view pool, std::string_view id) override;
    void connection_vanished(std::string_view pool, std::string_view connection) override;
    void ready() override;
    void happened(const wire::Message& message) override;
    void gap(std::uint64_t lost) override;
    void answered(const wire::Pong& pong) override;
    void answered(const wire::Outcome& outcome) override;
    std::vector<std::string> said;
    std::size_t hellos = 0;
    std::vector<std::string> can; ///< of the last hello
    std::optional<Timestamp> started;
};

} // namespace poolscope::test
