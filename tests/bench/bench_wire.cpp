// SPDX-License-Identifier: GPL-3.0-or-later
// Ingest: how fast lines of the agent protocol become messages, against simdjson's on-demand reader
// taking all fields of the same bytes, and against QJsonDocument. In turns, both orders, medians.
#include "core/wire/decoder.h"
#include "core/wire/encoder.h"
#include "core/wire/peerstate.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

using namespace poolscope;
using namespace poolscope::wire;

namespace {

constexpr std::int64_t start_us = 1'795'271'320'000'000;

/// Checkouts with 12 frames each in the line, about 720 bytes.
std::string inline_events(std::size_t count)
{
    std::string bytes;
    std::vector<FrameView> frames;
    static const std::string function = "a::Service::handle";
    for (int i = 0; i < 12; ++i)
        frames.push_back({function, "src/s.cpp", 100 + i, i < 4});
    for (std::size_t i = 0; i < count; ++i) {
        const std::string id = std::to_string(9'000'000 + i);
        Checkout checkout;
        checkout.pool = "orders";
        checkout.id = id;
        checkout.time = timestamp_from_us(start_us + static_cast<std::int64_t>(i));
        checkout.connection = "17";
        checkout.wait = Duration{41};
        checkout.by = "worker";
        checkout.frames = frames;
        encode(bytes, i + 1, checkout);
    }
    return bytes;
}

/// Checkouts and checkins in turns, with the stack's id.
std::string interned_pairs(std::size_t count)
{
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string id = std::to_string(9'000'000 + i);
        Checkout checkout;
        checkout.pool = "orders";
        checkout.id = id;
        checkout.time = timestamp_from_us(start_us + static_cast<std::int64_t>(i));
        checkout.connection = "17";
        checkout.wait = Duration{41};
        checkout.by = "worker";
        checkout.thread = "4251";
        checkout.stack = "7";
        checkout.server_pid = 70'111;
        encode(bytes, 2 * i + 1, checkout);
        encode(bytes, 2 * i + 2, Checkin{"orders", id, checkout.time, "17"});
    }
    return bytes;
}

class Count final : public MessageTaker
{
public:
    void take(const Message& message) override { sum += message.n; }
    void take_unknown(std::uint64_t /*n*/) override {}
    std::uint64_t sum = 0;
};

class Deaf final : public PeerListener
{
public:
    void unsupported(std::uint64_t /*version*/) override {}
    void challenged(const Challenge& /*challenge*/) override {}
    void hello(const Hello& /*hello*/, std::uint64_t /*n*/) override {}
    void appeared(const Message& /*message*/) override {}
    void checkout_vanished(std::string_view /*pool*/, std::string_view /*id*/) override {}
    void connection_vanished(std::string_view /*pool*/, std::string_view /*conn*/) override {}
    void ready() override {}
    void happened(const Message& /*message*/) override { ++events; }
    void gap(std::uint64_t /*lost*/) override {}
    void answered(const Pong& /*pong*/) override {}
    void answered(const Outcome& /*outcome*/) override {}
    std::uint64_t events = 0;
};

/// As from a socket: 64 KiB at a time.
void feed(Decoder& decoder, const std::string& bytes, MessageTaker& taker)
{
    for (std::size_t at = 0; at < bytes.size(); at += 65'536)
        decoder.feed(std::string_view(bytes).substr(at, 65'536), taker);
}

std::uint64_t ours(const std::string& bytes)
{
    Decoder decoder;
    Count count;
    feed(decoder, bytes, count);
    return count.sum;
}

std::uint64_t ours_folded(const std::string& bytes)
{
    Decoder decoder;
    Deaf deaf;
    PeerState peer(deaf);
    const PoolInfo pools[] = {{"orders", "bench", "", {}}};
    Hello hello;
    hello.pools = pools;
    peer.take({0, hello});
    peer.take({0, Ready{}});
    feed(decoder, bytes, peer);
    return deaf.events;
}

/// Every value once, as its own type.
std::uint64_t walk(simdjson::ondemand::value value)
{
    std::uint64_t sum = 0;
    simdjson::ondemand::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS)
        return 0;
    switch (type) {
    case simdjson::ondemand::json_type::array:
        for (auto element : value.get_array())
            sum += walk(element.value());
        break;
    case simdjson::ondemand::json_type::object:
        for (auto field : value.get_object()) {
            sum += field.unescaped_key().value().size();
            sum += walk(field.value().value());
        }
        break;
    case simdjson::ondemand::json_type::number:
        sum += value.get_int64().value();
        break;
    case simdjson::ondemand::json_type::string:
        sum += value.get_string().value().size();
        break;
    default:
        sum += value.is_null().value() ? 0 : static_cast<std::uint64_t>(value.get_bool().value());
        break;
    }
    return sum;
}

std::uint64_t on_demand(const std::string& bytes)
{
    simdjson::ondemand::parser parser;
    simdjson::padded_string padded(bytes);
    simdjson::ondemand::document_stream stream;
    std::uint64_t sum = 0;
    if (parser.iterate_many(padded.data(), padded.size(), 1'000'000).get(stream) !=
        simdjson::SUCCESS)
        return 0;
    for (auto document : stream) {
        simdjson::ondemand::object object;
        if (document.get_object().get(object) != simdjson::SUCCESS)
            return 0;
        for (auto field : object) {
            sum += field.unescaped_key().value().size();
            sum += walk(field.value().value());
        }
    }
    return sum;
}

std::uint64_t qt(const std::string& bytes)
{
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t end = bytes.find('\n', at);
        const auto document = QJsonDocument::fromJson(
            QByteArray::fromRawData(bytes.data() + at, static_cast<qsizetype>(end - at)));
        const QJsonObject object = document.object();
        for (auto it = object.begin(); it != object.end(); ++it)
            sum += it->isString() ? it->toString().size() : it->toArray().size() + it->toInteger();
        at = end + 1;
    }
    return sum;
}

using Reader = std::function<std::uint64_t(const std::string&)>;

/// Lines a second in millions, the median of several turns.
std::map<std::string, double> compare(const std::string& bytes,
                                      std::vector<std::pair<std::string, Reader>> readers)
{
    const auto lines = static_cast<double>(std::count(bytes.begin(), bytes.end(), '\n'));
    std::map<std::string, std::vector<double>> rates;
    std::uint64_t sum = 0;
    for (int turn = 0; turn < 7; ++turn) {
        for (const auto& [name, read] : readers) {
            const auto from = std::chrono::steady_clock::now();
            sum += read(bytes);
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
            rates[name].push_back(lines / took.count() / 1e6);
        }
        std::reverse(readers.begin(), readers.end());
    }
    std::map<std::string, double> medians;
    for (auto& [name, list] : rates) {
        std::sort(list.begin(), list.end());
        medians[name] = list[list.size() / 2];
    }
    std::printf("  (%g lines of %.0f bytes, check %llu)\n", lines,
                static_cast<double>(bytes.size()) / lines, static_cast<unsigned long long>(sum));
    return medians;
}

void print(const char* title, const std::map<std::string, double>& rates)
{
    std::printf("%s\n", title);
    for (const auto& [name, rate] : rates)
        std::printf("  %-34s %6.2f million lines/s\n", name.c_str(), rate);
    const double our = rates.at("Poolscope's decoder");
    std::printf("  %-34s %6.2f (goal 0.8)\n", "of simdjson on-demand, all fields",
                our / rates.at("simdjson on-demand, all fields"));
    std::printf("  %-34s %6.2f (goal 5)\n", "of QJsonDocument", our / rates.at("QJsonDocument"));
}

} // namespace

int main()
{
    const std::vector<std::pair<std::string, Reader>> readers{
        {"Poolscope's decoder", ours},
        {"decoder and fold of what is open", ours_folded},
        {"simdjson on-demand, all fields", on_demand},
        {"QJsonDocument", qt},
    };
    print("Checkouts with 12 frames in the line", compare(inline_events(40'000), readers));
    const auto pairs = compare(interned_pairs(60'000), readers);
    print("Checkouts and checkins, stacks by id", pairs);
    std::printf("  %-34s %6.2f million pairs/s (goal 1)\n", "to what is open, one core",
                pairs.at("decoder and fold of what is open") / 2);
    return 0;
}
