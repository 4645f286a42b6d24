// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/agent/agent.h"
#include "tests/wire/transcript.h"

#include <string>
#include <string_view>

namespace poolscope::test {

/// The other end: attaches to an agent's address, folds what comes, notes it.
class Inspector
{
public:
    explicit Inspector(const std::string& address);
    ~Inspector();
    Inspector(const Inspector&) = delete;
    Inspector& operator=(const Inspector&) = delete;

    bool connected() const { return socket_ >= 0; }
    /// Reads what there is, at most some hundred thousand bytes: an agent may be faster than a
    /// sanitized test, and whoever waits must have its turn. False once the agent has closed.
    bool pump();
    void send(std::string_view bytes);
    /// As much as it takes at once; how much that was.
    std::size_t offer(std::string_view bytes);
    /// One command, numbered.
    void ask(const wire::Body& body);
    /// Ends without a word, as a killed inspector does.
    void abort();

    /// pump(), answer gaps with resync, and say whether `text` stands in one of the notes.
    bool hears(std::string_view text);
    std::size_t count(std::string_view text) const;
    /// Nothing is on its way to it any more, once the pools are quiet: what it knows stays.
    bool knows_all_of(const Agent& agent) const;
    /// For a check that fails: what it knows, and how it came to that.
    std::string describe() const;

    Notes notes;
    wire::PeerState state{notes};
    wire::Decoder decoder;

private:
    int socket_ = -1;
    std::uint64_t number_ = 0;
    std::size_t asked_ = 0; ///< after which hello the last resync was asked for
};

/// Options for a test's own socket.
AgentOptions options_in(const std::string& folder);

} // namespace poolscope::test
