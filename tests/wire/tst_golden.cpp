// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/wire/transcript.h"

#include "core/wire/command.h"
#include "core/wire/sha256.h"

#include <QTest>

#include <map>
#include <sstream>

using namespace poolscope;
using namespace poolscope::test;
using Mark = TranscriptLine::Mark;

namespace {

bool sent_by_agent(const TranscriptLine& line)
{
    return line.mark == Mark::agent || line.mark == Mark::agent_escaped || line.mark == Mark::bad;
}

std::string agent_bytes(const std::vector<TranscriptLine>& lines)
{
    std::string bytes;
    for (const TranscriptLine& line : lines) {
        if (sent_by_agent(line))
            bytes += line.text + "\n";
    }
    return bytes;
}

std::map<std::string, std::uint64_t> by_reason(const wire::DecoderFigures& figures)
{
    std::map<std::string, std::uint64_t> reasons{
        {"too_long", figures.too_long},   {"bad_utf8", figures.bad_utf8},
        {"not_json", figures.not_json},   {"not_object", figures.not_object},
        {"no_kind", figures.no_kind},     {"no_number", figures.no_number},
        {"bad_field", figures.bad_field},
    };
    std::erase_if(reasons, [](const auto& entry) { return entry.second == 0; });
    return reasons;
}

} // namespace

class TestGolden : public QObject
{
    Q_OBJECT
private slots:
    void everyTranscript_data();
    void everyTranscript();
    void writerWritesTheSame_data() { everyTranscript_data(); }
    void writerWritesTheSame();
    void badLinesOneByOne();
    void piecesDoNotMatter_data() { everyTranscript_data(); }
    void piecesDoNotMatter();
    void stateAtTheEnd_data() { everyTranscript_data(); }
    void stateAtTheEnd();
    void lossIsNoticed();
    void macs();
};

void TestGolden::everyTranscript_data()
{
    QTest::addColumn<QString>("name");
    const auto names = transcript_names();
    QVERIFY(names.size() >= std::size_t{8});
    for (const std::string& name : names)
        QTest::newRow(name.c_str()) << QString::fromStdString(name);
}

/// What is to be read is read, what is to be skipped is skipped for the reason that stands there.
void TestGolden::everyTranscript()
{
    QFETCH(QString, name);
    const auto lines = read_transcript(name.toStdString());
    std::size_t good = 0;
    std::map<std::string, std::uint64_t> reasons;
    for (const TranscriptLine& line : lines) {
        good += line.mark == Mark::agent || line.mark == Mark::agent_escaped ? 1 : 0;
        if (line.mark == Mark::bad)
            ++reasons[line.reason];
        wire::Command command;
        if (line.mark == Mark::inspector)
            QVERIFY2(wire::read_command(line.text, command), line.text.c_str());
    }
    wire::DecoderFigures figures;
    decode_all(agent_bytes(lines), 1U << 20U, &figures);
    QCOMPARE(figures.messages + figures.unknown_kind, good);
    QVERIFY(by_reason(figures) == reasons);
    QCOMPARE(figures.unknown_kind,
             std::uint64_t{name.startsWith(QStringLiteral("forward")) ? 2U : 0U});
}

void TestGolden::writerWritesTheSame()
{
    QFETCH(QString, name);
    if (name.startsWith(QStringLiteral("forward")) || name.startsWith(QStringLiteral("hostile")))
        return; // not what this writer would write
    for (const TranscriptLine& line : read_transcript(name.toStdString())) {
        if (line.mark != Mark::agent)
            continue;
        const auto written = decode_all(line.text + "\n", 1U << 20U);
        QCOMPARE(written.size(), std::size_t{1});
        QCOMPARE(QString::fromStdString(written.front()), QString::fromStdString(line.text));
    }
}

void TestGolden::badLinesOneByOne()
{
    for (const TranscriptLine& line : read_transcript("hostile.jsonl")) {
        if (line.mark != Mark::bad)
            continue;
        wire::DecoderFigures figures;
        // Alone, and between good ones, which it does not hurt.
        decode_all(line.text + "\n", 1U << 20U, &figures);
        QVERIFY2((by_reason(figures) == std::map<std::string, std::uint64_t>{{line.reason, 1}}),
                 line.text.substr(0, 80).c_str());
        const std::string ready = "{\"k\":\"ready\",\"n\":3}\n";
        const auto read = decode_all(ready + line.text + "\n" + ready, 1U << 20U, &figures);
        QCOMPARE(read.size(), std::size_t{2});
        QVERIFY2((by_reason(figures) == std::map<std::string, std::uint64_t>{{line.reason, 1}}),
                 line.text.substr(0, 80).c_str());
    }
}

void TestGolden::piecesDoNotMatter()
{
    QFETCH(QString, name);
    const std::string bytes = agent_bytes(read_transcript(name.toStdString()));
    wire::DecoderFigures whole_figures;
    const auto whole = decode_all(bytes, 1U << 20U, &whole_figures);
    for (const std::size_t piece : {1U, 7U, 64U, 1000U, 65537U}) {
        wire::DecoderFigures figures;
        QCOMPARE(decode_all(bytes, piece, &figures), whole);
        QVERIFY(figures == whole_figures);
    }
}

void TestGolden::stateAtTheEnd()
{
    QFETCH(QString, name);
    const auto lines = read_transcript(name.toStdString());
    Notes notes;
    wire::PeerState peer(notes);
    wire::Decoder decoder;
    decoder.feed(agent_bytes(lines), peer);
    QCOMPARE(QString::fromStdString(lines.back().text).left(5), QStringLiteral("open:"));
    std::istringstream open(lines.back().text.substr(5));
    std::size_t count = 0;
    for (std::string id; open >> id; ++count)
        QVERIFY2(peer.is_open(id), id.c_str());
    QCOMPARE(peer.open_checkouts(), count);
    QVERIFY(peer.is_ready());
}

void TestGolden::lossIsNoticed()
{
    Notes notes;
    wire::PeerState peer(notes);
    wire::Decoder decoder;
    decoder.feed(agent_bytes(read_transcript("loss.jsonl")), peer);
    std::vector<std::string> gaps;
    for (const std::string& said : notes.said) {
        if (said.starts_with("gap") || said.starts_with("vanished"))
            gaps.push_back(said);
    }
    const std::vector<std::string> wanted{"gap 1000", "gap 3", "gap 1", "vanished orders 563"};
    QCOMPARE(gaps, wanted);
    QCOMPARE(peer.figures().duplicates, std::uint64_t{1});
    QCOMPARE(peer.figures().lost, std::uint64_t{1004});
    QVERIFY(!peer.wants_resync());
}

void TestGolden::macs()
{
    std::string nonce;
    std::size_t right = 0;
    std::size_t wrong = 0;
    for (const TranscriptLine& line : read_transcript("token.jsonl")) {
        const std::size_t at = line.text.find("\"nonce\":\"");
        if (at != std::string::npos)
            nonce = line.text.substr(at + 9, 64);
        wire::Command command;
        if (line.mark != Mark::inspector || !wire::read_command(line.text, command))
            continue;
        const std::string mac = wire::mac_of("correct horse battery staple", nonce);
        ++(wire::equal_in_constant_time(mac, command.mac) ? right : wrong);
    }
    QCOMPARE(right, std::size_t{1});
    QCOMPARE(wrong, std::size_t{1});
}

QTEST_APPLESS_MAIN(TestGolden)
#include "tst_golden.moc"
