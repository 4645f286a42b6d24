// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/wire/transcript.h"

#include "core/wire/encoder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace poolscope::test {

namespace {

/// "\xHH" and "\*NxC".
std::string resolved(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        if (text.starts_with("\\x")) {
            out += static_cast<char>(std::stoi(std::string(text.substr(2, 2)), nullptr, 16));
            text.remove_prefix(4);
        } else if (text.starts_with("\\*")) {
            const std::size_t x = text.find('x');
            out.append(std::stoul(std::string(text.substr(2, x - 2))), text[x + 1]);
            text.remove_prefix(x + 2);
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

std::string as_line(const wire::Message& message)
{
    std::string line;
    wire::encode(line, message);
    line.pop_back();
    return line;
}

} // namespace

std::vector<std::string> transcript_names()
{
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(POOLSCOPE_GOLDEN))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<TranscriptLine> read_transcript(const std::string& name)
{
    using Mark = TranscriptLine::Mark;
    std::ifstream file(std::string(POOLSCOPE_GOLDEN) + "/" + name);
    std::vector<TranscriptLine> lines;
    for (std::string text; std::getline(file, text);) {
        const char mark = text.empty() ? '\0' : text.front();
        const std::string rest = text.size() > 2 ? text.substr(2) : "";
        if (mark == '>')
            lines.push_back({Mark::agent, rest, {}});
        else if (mark == '<')
            lines.push_back({Mark::inspector, rest, {}});
        else if (mark == '~')
            lines.push_back({Mark::agent_escaped, resolved(rest), {}});
        else if (mark == '!')
            lines.push_back({Mark::bad, resolved(rest.substr(rest.find('\t') + 1)),
                             rest.substr(0, rest.find('\t'))});
        else
            lines.push_back({Mark::remark, rest, {}});
    }
    return lines;
}

void Collector::take(const wire::Message& message)
{
    lines.push_back(as_line(message));
}

std::vector<std::string> decode_all(std::string_view bytes, std::size_t piece,
                                    wire::DecoderFigures* figures)
{
    wire::Decoder decoder;
    Collector collector;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        decoder.feed(bytes.substr(at, piece), collector);
    if (figures != nullptr)
        *figures = decoder.figures();
    return collector.lines;
}

void Notes::unsupported(std::uint64_t version)
{
    said.push_back("unsupported " + std::to_string(version));
}
void Notes::challenged(const wire::Challenge& challenge)
{
    said.push_back("challenge " + std::string(challenge.nonce));
}
void Notes::hello(const wire::Hello& hello, std::uint64_t n)
{
    ++hellos;
    can.assign(hello.can.begin(), hello.can.end());
    started = hello.started;
    said.push_back("hello " + std::to_string(n) + " " + std::to_string(hello.pools.size()));
}
void Notes::appeared(const wire::Message& message)
{
    said.push_back("appeared " + as_line(message));
}
void Notes::checkout_vanished(std::string_view pool, std::string_view id)
{
    said.push_back("vanished " + std::string(pool) + " " + std::string(id));
}
void Notes::connection_vanished(std::string_view pool, std::string_view connection)
{
    said.push_back("connection vanished " + std::string(pool) + " " + std::string(connection));
}
void Notes::ready()
{
    said.emplace_back("ready");
}
void Notes::happened(const wire::Message& message)
{
    said.push_back("happened " + as_line(message));
}
void Notes::gap(std::uint64_t lost)
{
    said.push_back("gap " + std::to_string(lost));
}
void Notes::answered(const wire::Pong& pong)
{
    said.push_back("pong " + std::to_string(pong.of));
}
void Notes::answered(const wire::Outcome& outcome)
{
    said.push_back((outcome.ok ? "done " : "refused ") + std::to_string(outcome.of) + " " +
                   std::string(outcome.why));
}

} // namespace poolscope::test
