// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/wire/transcript.h"

#include "core/wire/encoder.h"
#include "core/wire/limits.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include <functional>
#include <random>

using namespace poolscope;
using namespace poolscope::test;

namespace {

/// Looks at each message while its views hold.
class Look final : public wire::MessageTaker
{
public:
    explicit Look(std::function<void(const wire::Message&)> look)
        : look_(std::move(look))
    {}
    void take(const wire::Message& message) override { look_(message); }
    void take_unknown(std::uint64_t /*n*/) override {}

private:
    std::function<void(const wire::Message&)> look_;
};

template <class Body>
std::string line_of(const Body& body, std::uint64_t n = 1)
{
    std::string line;
    wire::encode(line, n, body);
    return line;
}

QJsonObject parsed(const std::string& line)
{
    return QJsonDocument::fromJson(QByteArray::fromStdString(line)).object();
}

} // namespace

class TestCodec : public QObject
{
    Q_OBJECT
private slots:
    void textsOfAnyBytes();
    void textsAreCutAtACharacter();
    void longestLinesFit();
    void fullRange();
    void beatsSayHowLong();
    void sumsAreBounded();
    void readerCleansTexts();
    void aLongNameThatIsEscaped();
    void listsAreBounded();
    void neverANewline();
    void roomAndFeedAreTheSame();
    void randomBytesDoNothing();
    void brokenLinesDoNothing();
};

/// Whatever the application says, the line is JSON and comes back as text.
void TestCodec::textsOfAnyBytes()
{
    std::string all;
    for (int byte = 1; byte < 256; ++byte)
        all += static_cast<char>(byte);
    wire::Checkin checkin{"p", "1", {}, {}};
    for (std::size_t at = 0; at < all.size(); at += 16) {
        checkin.connection = std::string_view(all).substr(at, 16);
        const std::string line = line_of(checkin);
        const QJsonObject object = parsed(line);
        QCOMPARE(object.value(QStringLiteral("k")).toString(), QStringLiteral("checkin"));
        QCOMPARE(object.value(QStringLiteral("conn")).toString(),
                 QString::fromUtf8(checkin.connection.data(),
                                   static_cast<qsizetype>(checkin.connection.size())));
    }
    const std::string zero("a\0b", 3);
    checkin.connection = zero;
    QCOMPARE(line_of(checkin),
             std::string(R"({"k":"checkin","n":1,"pool":"p","id":"1","t":0,"conn":"a\u0000b"})") +
                 "\n");
}

void TestCodec::textsAreCutAtACharacter()
{
    for (const std::string& unit : {std::string("x"), std::string("\xc3\xa4"), std::string("\""),
                                    std::string("\xf0\x9f\x98\x80"), std::string("\x01"),
                                    std::string("\xff"), std::string("x\xe2\x82\xac\n")}) {
        for (std::size_t count = 30; count < 70; ++count) {
            std::string text;
            while (text.size() < count)
                text += unit;
            wire::Checkout checkout;
            checkout.pool = "p";
            checkout.id = "1";
            checkout.thread = text; // 64
            const QJsonObject object = parsed(line_of(checkout));
            const QString back = object.value(QStringLiteral("thread")).toString();
            const QString whole = QString::fromStdString(text);
            QVERIFY(back == whole ||
                    (back.endsWith(QChar(0x2026)) && whole.startsWith(back.chopped(1))));
            QVERIFY(back.toUtf8().size() <= 64);
            if (unit == "x")
                QCOMPARE(back == whole, text.size() <= 64);
        }
    }
}

void TestCodec::longestLinesFit()
{
    const std::string long_text(5000, '\x01'); // six bytes each in JSON
    const std::vector<wire::FrameView> frames(200, {long_text, long_text, 2'000'000'000, true});
    const std::vector<wire::Pair> pairs(200, {long_text, long_text});
    const std::vector<std::string_view> can(200, long_text);
    wire::Checkout checkout;
    checkout.pool = checkout.id = checkout.connection = checkout.by = checkout.thread =
        checkout.stack = checkout.trace_id = long_text;
    checkout.frames = frames;
    checkout.tags = pairs;
    checkout.time = timestamp_from_us(wire::max_number);
    checkout.server_pid = checkout.local_port = 65'535;
    checkout.wait = checkout.expected = Duration{wire::max_number};
    checkout.beat = checkout.time;
    checkout.open = true;
    checkout.busy = false;
    QVERIFY(line_of(checkout).size() <= wire::max_line + 1);
    wire::Timeout timeout;
    timeout.pool = timeout.by = timeout.thread = timeout.stack = timeout.trace_id = timeout.reason =
        long_text;
    timeout.frames = frames;
    timeout.tags = pairs;
    QVERIFY(line_of(timeout).size() <= wire::max_line + 1);
    wire::Brief brief;
    brief.pool = brief.stack = long_text;
    brief.frames = frames;
    brief.count = wire::max_number;
    brief.total = brief.longest = Duration{wire::max_number};
    QVERIFY(line_of(brief).size() <= wire::max_line + 1);
    QVERIFY(line_of(wire::Stack{long_text, frames}).size() <= wire::max_line + 1);

    const std::vector<wire::PoolInfo> pools(5000, {long_text, long_text, long_text, pairs});
    for (const std::size_t count : {1U, 2U, 50U, 90U, 1024U, 5000U}) {
        wire::Hello hello;
        hello.agent = hello.process = hello.host = long_text;
        hello.can = can;
        hello.pools = std::span(pools).first(count);
        const std::string line = line_of(hello);
        QVERIFY(line.size() <= wire::max_line + 1);
        const QJsonObject object = parsed(line);
        QVERIFY(object.contains(QStringLiteral("pools")));
    }
}

void TestCodec::fullRange()
{
    wire::Stats stats;
    stats.pool = "p";
    stats.time = timestamp_from_us(wire::max_number);
    stats.used = wire::max_number;
    stats.idle = 0;
    stats.unlimited = true;
    stats.use_time = wire::Figures{7, Duration{8}, {}, Duration{wire::max_number}};
    bool seen = false;
    wire::Decoder decoder;
    Look look([&](const wire::Message& message) {
        seen = true;
        const auto& read = std::get<wire::Stats>(message.body);
        QVERIFY(read.used == stats.used && read.idle == stats.idle && read.unlimited);
        QVERIFY(!read.max && !read.opening && !read.wait_time);
        QVERIFY(read.use_time == stats.use_time);
        QCOMPARE(message.n, static_cast<std::uint64_t>(wire::max_number));
    });
    decoder.feed(line_of(stats, wire::max_number), look);
    QVERIFY(seen);
}

void TestCodec::beatsSayHowLong()
{
    std::vector<std::optional<Duration>> read;
    Look look([&](const wire::Message& message) {
        read.push_back(std::get<wire::Beat>(message.body).expected);
    });
    wire::Decoder decoder;
    decoder.feed(line_of(wire::Beat{"p", "1", {}, Duration{600}}), look);
    decoder.feed(line_of(wire::Beat{"p", "1", {}}), look);
    QVERIFY((read == std::vector<std::optional<Duration>>{Duration{600}, std::nullopt}));
}

/// Numbers of a sum are bounded, and what is not a number counts as absent or makes no sum.
void TestCodec::sumsAreBounded()
{
    std::vector<wire::Brief> read;
    Look look(
        [&](const wire::Message& message) { read.push_back(std::get<wire::Brief>(message.body)); });
    wire::Decoder decoder;
    const std::string begin = R"({"k":"brief","n":1,"pool":"p","t":5,"count":)";
    for (const char* const good :
         {"9007199254740991}", R"(3,"total_us":-1,"max_us":7})",
          R"(3,"total_us":1.5,"max_us":"x"})", R"(0,"total_us":9007199254740992})"})
        decoder.feed(begin + good + "\n", look);
    for (const char* const bad : {"9007199254740992}", "-1}", "1.5}", "\"3\"}", "null}"})
        decoder.feed(begin + bad + "\n", look);
    QCOMPARE(read.size(), std::size_t{4});
    QCOMPARE(decoder.figures().bad_field, std::uint64_t{5});
    QCOMPARE(read[0].count, wire::max_number);
    QCOMPARE(read[1].longest, std::optional(Duration{7}));
    for (const wire::Brief& brief : read)
        QVERIFY(!brief.total);
    QVERIFY(!read[2].longest);
    wire::Brief whole{"p", timestamp_from_us(5), 3, "s", {}, Duration{8}, Duration{9}};
    decoder.feed(line_of(whole), look);
    QCOMPARE(read.back().total, whole.total);
    QCOMPARE(read.back().longest, whole.longest);
}

void TestCodec::readerCleansTexts()
{
    wire::Decoder decoder;
    std::vector<std::string> by;
    Look look([&](const wire::Message& message) {
        by.emplace_back(std::get<wire::Checkout>(message.body).by);
    });
    const std::string head = R"({"k":"checkout","n":1,"pool":"p","id":"1","t":1,"by":")";
    for (const char* const text :
         {R"(a\u202eb)", R"(\u001b[31m)", R"(two\nlines)", "\xc3\xa4", "\x7f", R"(\ud800)"})
        decoder.feed(head + text + "\"}\n", look);
    decoder.feed(head + std::string(300, 'x') + "\"}\n", look);
    const std::vector<std::string> wanted{"a\xef\xbf\xbd"
                                          "b",
                                          "\xef\xbf\xbd[31m",
                                          "two lines",
                                          "\xc3\xa4",
                                          "\xef\xbf\xbd",
                                          "\xef\xbf\xbd",
                                          std::string(128, 'x') + "\xe2\x80\xa6"};
    QCOMPARE(by, wanted);
    QCOMPARE(decoder.figures().clipped, std::uint64_t{1});
}

/// Its length is what it has, not what JSON needs to write it; what is shown of it is not cut.
void TestCodec::aLongNameThatIsEscaped()
{
    wire::Decoder decoder;
    std::vector<std::string> pools;
    Look look([&](const wire::Message& message) {
        pools.emplace_back(std::get<wire::Checkout>(message.body).pool);
    });
    const auto feed = [&](const std::string& name) {
        decoder.feed(R"({"k":"checkout","n":1,"pool":")" + name + R"(","id":"1","t":1})" + "\n",
                     look);
    };
    feed(R"(a\n)" + std::string(126, 'x'));
    feed(R"(\u001b)" + std::string(127, 'x'));
    QCOMPARE(pools, (std::vector<std::string>{"a " + std::string(126, 'x'),
                                              "\xef\xbf\xbd" + std::string(127, 'x')}));
    QCOMPARE(decoder.figures().clipped, std::uint64_t{0});
    feed(R"(a\n)" + std::string(127, 'x')); // one too many: left out, and counted
    QCOMPARE(pools.size(), std::size_t{2});
    QCOMPARE(decoder.figures().bad_field, std::uint64_t{1});
    QCOMPARE(decoder.figures().unnamed, std::uint64_t{1});
}

void TestCodec::listsAreBounded()
{
    std::string line = R"({"k":"checkout","n":1,"pool":"p","id":"1","t":1,"frames":[)";
    for (int i = 0; i < 1000; ++i)
        line += R"({"function":"f"},)";
    line += R"(3],"tags":{)";
    for (int i = 0; i < 1000; ++i)
        line += R"("a":1,)";
    line += R"("b":"c"}})";
    wire::Decoder decoder;
    std::size_t frames = 0;
    std::size_t tags = 0;
    Look look([&](const wire::Message& message) {
        frames = std::get<wire::Checkout>(message.body).frames.size();
        tags = std::get<wire::Checkout>(message.body).tags.size();
    });
    decoder.feed(line + "\n", look);
    QCOMPARE(frames, wire::max_frames);
    QCOMPARE(tags, wire::max_tags);
    QVERIFY(decoder.figures().clipped > 0);
}

/// A peer that sends for ever without a newline costs no memory, and the next line is read.
void TestCodec::neverANewline()
{
    wire::Decoder decoder;
    Collector collector;
    const std::string much(100'000, '{');
    for (int i = 0; i < 1000; ++i)
        decoder.feed(much, collector);
    QCOMPARE(decoder.figures().too_long, std::uint64_t{1});
    decoder.feed("\n{\"k\":\"ready\",\"n\":5}\n", collector);
    QCOMPARE(collector.lines.size(), std::size_t{1});
    QCOMPARE(decoder.figures().too_long, std::uint64_t{1});
    QVERIFY(decoder.room().size() >= wire::max_line);
}

void TestCodec::roomAndFeedAreTheSame()
{
    wire::Decoder decoder;
    Collector collector;
    const std::string line = "{\"k\":\"ready\",\"n\":5}\n";
    std::size_t sent = 0;
    while (sent < 1'000'000) {
        const std::span<char> room = decoder.room();
        QVERIFY(room.size() >= wire::max_line);
        for (std::size_t i = 0; i < room.size(); ++i)
            room[i] = line[(sent + i) % line.size()];
        decoder.commit(room.size(), collector);
        sent += room.size();
    }
    QCOMPARE(collector.lines.size(), sent / line.size());
    QCOMPARE(decoder.figures().skipped(), std::uint64_t{0});
    // More than fits is not believed.
    decoder.commit(std::size_t{1} << 40U, collector);
}

void TestCodec::randomBytesDoNothing()
{
    std::mt19937 random(7);
    wire::Decoder decoder;
    Notes notes;
    wire::PeerState peer(notes);
    for (int round = 0; round < 300; ++round) {
        std::string bytes(random() % 5000, '\0');
        for (char& byte : bytes)
            byte = random() % 40 == 0 ? '\n' : static_cast<char>(random());
        decoder.feed(bytes, peer);
    }
    QVERIFY(notes.said.empty());
    QVERIFY(decoder.figures().skipped() > 1000);
}

/// Good lines with bytes changed: counted as something, all of them, and never a crash.
void TestCodec::brokenLinesDoNothing()
{
    std::string good;
    for (const std::string& name : transcript_names()) {
        for (const TranscriptLine& line : read_transcript(name)) {
            if (line.mark == TranscriptLine::Mark::agent)
                good += line.text + "\n";
        }
    }
    std::mt19937 random(11);
    Notes notes;
    wire::PeerState peer(notes);
    wire::Decoder decoder;
    for (int round = 0; round < 400; ++round) {
        std::string bytes = good;
        for (int change = 0; change < 30; ++change) {
            constexpr std::string_view bits = "{}[]\",:\\0-e\n\x80\xff tn";
            bytes[random() % bytes.size()] = bits[random() % bits.size()];
        }
        decoder.feed(bytes, peer);
        notes.said.clear();
    }
    const wire::DecoderFigures& f = decoder.figures();
    QCOMPARE(f.lines, f.messages + f.unknown_kind + f.skipped());
    QVERIFY(f.skipped() > 1000);
    QVERIFY(f.messages > f.skipped());
}

QTEST_APPLESS_MAIN(TestCodec)
#include "tst_codec.moc"
