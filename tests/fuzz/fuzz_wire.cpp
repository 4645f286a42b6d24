// SPDX-License-Identifier: GPL-3.0-or-later
// The agent protocol from both ends: what an inspector reads of a hostile agent, and an agent of a
// hostile inspector.
#include "core/wire/command.h"
#include "core/wire/decoder.h"
#include "core/wire/encoder.h"
#include "core/wire/limits.h"
#include "core/wire/peerstate.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace poolscope;
using namespace poolscope::wire;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

class Lines final : public MessageTaker
{
public:
    void take(const Message& message) override
    {
        std::string line;
        encode(line, message);
        require(line.size() <= max_line + 1 && line.find('\n') == line.size() - 1);
        list.push_back(std::move(line));
    }
    void take_unknown(std::uint64_t n) override { list.push_back(std::to_string(n)); }
    std::vector<std::string> list;
};

class Deaf final : public PeerListener
{
public:
    void unsupported(std::uint64_t /*version*/) override {}
    void challenged(const Challenge& /*challenge*/) override {}
    void hello(const Hello& /*hello*/, std::uint64_t /*n*/) override {}
    void appeared(const Message& /*message*/) override { ++open; }
    void checkout_vanished(std::string_view /*pool*/, std::string_view /*id*/) override {}
    void connection_vanished(std::string_view /*pool*/, std::string_view /*conn*/) override {}
    void ready() override {}
    void happened(const Message& /*message*/) override { ++open; }
    void gap(std::uint64_t /*lost*/) override {}
    void answered(const Pong& /*pong*/) override {}
    void answered(const Outcome& /*outcome*/) override {}
    std::size_t open = 0;
};

std::vector<std::string> decoded(std::string_view bytes, std::size_t piece, DecoderFigures& figures)
{
    Decoder decoder;
    Lines lines;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        decoder.feed(bytes.substr(at, piece), lines);
    figures = decoder.figures();
    return lines.list;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const std::size_t piece = size == 0 ? 1 : 1 + data[0] % 100U;

    // In one piece or in many: the same messages, the same figures, no line uncounted.
    DecoderFigures whole;
    DecoderFigures pieces;
    const std::vector<std::string> lines = decoded(bytes, size + 1, whole);
    require(lines == decoded(bytes, piece, pieces));
    require(whole == pieces);
    require(whole.lines == whole.messages + whole.unknown_kind + whole.skipped());

    // What is written of what was read reads the same.
    std::string written;
    std::vector<std::string> messages;
    for (const std::string& line : lines) {
        if (line.starts_with('{')) {
            messages.push_back(line);
            written += line;
        }
    }
    DecoderFigures again;
    require(decoded(written, written.size() + 1, again) == messages && again.skipped() == 0);

    // The fold keeps no more than came in.
    Deaf deaf;
    PeerState peer(deaf, 100);
    Decoder decoder;
    decoder.feed(bytes, peer);
    require(peer.open_checkouts() <= 100 && peer.open_connections() <= 100);
    require(peer.open_checkouts() + peer.open_connections() <= deaf.open);

    Command command;
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
        if (read_command(bytes.substr(at, end - at), command))
            require(!command.kind.empty() && command.id.size() <= max_id);
        at = end + 1;
    }
    return 0;
}
