// SPDX-License-Identifier: GPL-3.0-or-later
// What a source makes of what an agent says. What goes wrong: tst_agenttrouble.cpp; the real agent:
// tests/integration/tst_agentreal.cpp.
#include "tests/source/fakeagent.h"
#include "tests/source/poolprobe.h"

#include <QSignalSpy>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestAgentSource : public QObject
{
    Q_OBJECT
private slots:
    void attachInMidIncident();
    void eventsComeOncePerInterval();
    void pongSetsTheOffset();
    void aCorrectedClockBringsAPicture();
    void jumpIsAGapAndAResync();
    void floodOfLossIsBounded();
    void anotherProcessAtTheSameAddress();
    void anotherProcessOfTheSameNumber();
    void reclaimPhases();
    void reclaimThatIsNotSent();
    void stopInAFact();
};

void TestAgentSource::attachInMidIncident()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() +
                  "{\"k\":\"stack\",\"n\":0,\"id\":\"s\",\"frames\":[{\"function\":\"load\","
                  "\"file\":\"orders.cpp\",\"line\":41,\"own\":true}]}\n"
                  "{\"k\":\"checkout\",\"n\":0,\"pool\":\"orders\",\"id\":\"a\",\"t\":1000000,"
                  "\"open\":true,\"stack\":\"s\"}\n" +
                  agent.ready());
    };
    PoolProbe probe(agent.url());
    QCOMPARE(QString::fromStdString(probe.source().info().name), QStringLiteral("fake (4242)"));
    probe.start();
    QTRY_VERIFY(probe.up());
    QCOMPARE(probe.fullSamples, 1);
    QCOMPARE(probe.reports, 1);
    QCOMPARE(QString::fromStdString(probe.pools().agent->process), QStringLiteral("fake"));
    QVERIFY(probe.isOpen("a"));
    QCOMPARE(probe.checkout("a").stack->lines.at(0).line, 41);
    // The order in which it was told.
    QStringList order;
    for (const Fact& fact : probe.facts) {
        if (std::holds_alternative<AgentReported>(fact))
            order += QStringLiteral("agent");
        if (const auto* status = std::get_if<StatusChanged>(&fact))
            order += status->status.reach == Reach::up ? QStringLiteral("up")
                                                       : QStringLiteral("connecting");
        if (std::holds_alternative<PoolSample>(fact))
            order += QStringLiteral("sample");
    }
    QCOMPARE(order.mid(0, 4).join(u' '), QStringLiteral("connecting agent up sample"));
    QTRY_VERIFY(agent.count("\"ping\"") >= 2); // again and again
}

void TestAgentSource::eventsComeOncePerInterval()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.source().setInterval(std::chrono::minutes{10});
    probe.start();
    QTRY_VERIFY(probe.up());
    const int before = probe.samples;
    agent.say(agent.event("checkout", "a", 1) + agent.event("checkout", "b", 2));
    // Told when it is asked for, and not before.
    QSignalSpy line(agent.peer, &QIODevice::readyRead);
    QVERIFY(line.wait()); // the next ping: by then the events were read
    QCOMPARE(probe.samples, before);
    probe.source().sampleNow();
    QCOMPARE(probe.samples, before + 1);
    QVERIFY(probe.isOpen("a") && probe.isOpen("b"));
    // Asked again it says that nothing happened.
    probe.source().sampleNow();
    QCOMPARE(probe.samples, before + 2);
    // By itself it says only what did.
    probe.source().setInterval(std::chrono::milliseconds{100});
    agent.say(agent.event("checkin", "a", 3));
    QTRY_VERIFY(!probe.isOpen("a"));
    const int settled = probe.samples;
    QVERIFY(line.wait());
    QCOMPARE(probe.samples, settled);
}

void TestAgentSource::pongSetsTheOffset()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        QByteArray hello = agent.hello();
        agent.say(hello + agent.ready());
    };
    agent.onLine = [&](const QByteArray& line) {
        if (!line.contains("ping"))
            return;
        const int n =
            line.mid(line.indexOf("\"n\":") + 4).split(',').first().split('}').first().toInt();
        const auto now = to_us(SystemClock{}.now()) + 7'000'000; // seven seconds ahead
        agent.say("{\"k\":\"pong\",\"n\":0,\"of\":" + QByteArray::number(n) +
                  ",\"now\":" + QByteArray::number(qint64{now}) + "}\n");
    };
    PoolProbe probe(agent.url());
    AgentSource::Timings timings = quickTimings();
    timings.pong = std::chrono::seconds{5}; // on a machine that is busy with something else, too
    probe.agent()->setTimings(timings);
    probe.start();
    QTRY_VERIFY(probe.up());
    QTRY_VERIFY(probe.state().clock_offset > std::chrono::milliseconds{6'900});
    QVERIFY(probe.state().clock_offset < std::chrono::milliseconds{7'100});
    // From the first sample on: whoever asks only once judges ages by it.
    for (const Fact& fact : probe.facts) {
        if (const auto* sample = std::get_if<PoolSample>(&fact))
            QVERIFY(sample->clock_offset > std::chrono::milliseconds{6'900});
    }
}

/// The process's machine slept for three hours: what is open is told again, with ages that are
/// right.
void TestAgentSource::aCorrectedClockBringsAPicture()
{
    FakeAgent agent;
    std::int64_t slept = 0;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.open("a") + agent.ready());
    };
    agent.onLine = [&](const QByteArray& line) {
        if (line.contains("resync"))
            agent.say(agent.hello() + agent.open("a") + agent.ready());
        if (!line.contains("ping"))
            return;
        const int n =
            line.mid(line.indexOf("\"n\":") + 4).split(',').first().split('}').first().toInt();
        const auto now = to_us(SystemClock{}.now()) + slept;
        agent.say("{\"k\":\"pong\",\"n\":0,\"of\":" + QByteArray::number(n) +
                  ",\"now\":" + QByteArray::number(qint64{now}) + "}\n");
    };
    PoolProbe probe(agent.url());
    AgentSource::Timings timings = quickTimings();
    timings.ping = std::chrono::milliseconds{100};
    probe.agent()->setTimings(timings);
    probe.start();
    QTRY_VERIFY(probe.up());
    QTRY_VERIFY(agent.count("ping") > 3);
    QCOMPARE(agent.count("resync"), 0);
    slept = 3LL * 3600 * 1'000'000;
    QTRY_COMPARE(probe.fullSamples, 2);
    QCOMPARE(agent.count("resync"), 1);
}

void TestAgentSource::jumpIsAGapAndAResync()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.open("a") + agent.ready());
    };
    agent.onLine = [&](const QByteArray& line) {
        if (line.contains("resync"))
            agent.say(agent.hello(4242, 9) + agent.open("b", 9) + agent.ready(9));
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    agent.say(agent.event("checkout", "b", 9));
    QTRY_COMPARE(probe.fullSamples, 2);
    QCOMPARE(probe.gaps, 1);
    QVERIFY(probe.isOpen("b") && !probe.isOpen("a"));
    QCOMPARE(probe.pools().lost, std::uint64_t{8});
    QCOMPARE(agent.count("resync"), 1);
    QCOMPARE(probe.pools().unmatched, std::uint64_t{0});
    QCOMPARE(probe.reports, 1); // it is the same process
}

void TestAgentSource::floodOfLossIsBounded()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    QByteArray flood;
    for (int i = 1; i <= 5000; ++i)
        flood += "{\"k\":\"lost\",\"n\":" + QByteArray::number(i * 2) + ",\"count\":1}\n" +
                 agent.hello(i, i * 2) + agent.ready(i * 2);
    agent.say(flood);
    QTRY_COMPARE_WITH_TIMEOUT(probe.pools().lost, std::uint64_t{10000}, 10000);
    QVERIFY2(probe.gaps < 50, qPrintable(QString::number(probe.gaps)));
    QVERIFY2(probe.samples < 100, qPrintable(QString::number(probe.samples)));
    QVERIFY2(probe.reports < 50, qPrintable(QString::number(probe.reports)));
    QVERIFY2(agent.count("resync") < 50, qPrintable(QString::number(agent.count("resync"))));
}

void TestAgentSource::anotherProcessAtTheSameAddress()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        // Both number their checkouts from 1.
        agent.say(agent.hello(agent.attached) + agent.open("1") + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    static_cast<QLocalSocket*>(agent.peer)->abort();
    QTRY_COMPARE(agent.attached, 2);
    QTRY_COMPARE(probe.reports, 2);
    QTRY_COMPARE(probe.fullSamples, 3);
    // What the first one had is gone before the second one's is there.
    std::vector<std::size_t> sizes;

    for (const Fact& fact : probe.facts) {
        if (const auto* sample = std::get_if<PoolSample>(&fact); sample && sample->full)
            sizes.push_back(sample->changed.size());
    }
    QCOMPARE(sizes, (std::vector<std::size_t>{1, 0, 1}));
    QCOMPARE(probe.gaps, 1);
    QVERIFY(probe.failing >= 1);
    QVERIFY(probe.isOpen("1"));
    // Whoever chose "1" may have meant the first one's.
    const ActionId hasty = probe.execute(ActionVerb::reclaim, "1");
    QCOMPARE(probe.phases(hasty), QStringLiteral("refused"));
    QVERIFY(probe.outcome(hasty).contains(QStringLiteral("another process")));
    QTRY_VERIFY(
        probe.phases(probe.execute(ActionVerb::reclaim, "1")).startsWith(QStringLiteral("sent")));
}

/// In a container every process is number 1.
void TestAgentSource::anotherProcessOfTheSameNumber()
{
    FakeAgent agent;
    qint64 started = 1'000'000'000;
    agent.onAttach = [&] {
        QByteArray hello = agent.hello(1);
        hello.replace("\"process\"", "\"started\":" + QByteArray::number(started) + ",\"process\"");
        agent.say(hello + agent.open("1") + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    started += 300'000; // worked out anew
    static_cast<QLocalSocket*>(agent.peer)->abort();
    QTRY_COMPARE(probe.fullSamples, 2);
    started += 60'000'000;
    static_cast<QLocalSocket*>(agent.peer)->abort();
    QTRY_COMPARE(probe.fullSamples, 4); // nothing, and then what it has
}

void TestAgentSource::reclaimPhases()
{
    FakeAgent agent;
    QByteArray answer = "true";
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.open("a") + agent.open("b") + agent.open("c") +
                  agent.ready());
    };
    agent.onLine = [&](const QByteArray& line) {
        if (!line.contains("reclaim") || answer.isEmpty())
            return;
        const QByteArray n = line.mid(line.indexOf("\"n\":") + 4).split(',').first();
        agent.say("{\"k\":\"result\",\"n\":0,\"of\":" + n + ",\"ok\":" + answer +
                  (answer == "true" ? "}\n" : ",\"why\":\"not today\"}\n"));
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    const ActionId done = probe.execute(ActionVerb::reclaim, "a");
    QTRY_COMPARE(probe.phases(done), QStringLiteral("sent accepted"));
    agent.say(agent.event("checkin", "a", 1));
    QTRY_COMPARE(probe.phases(done), QStringLiteral("sent accepted observed"));
    QVERIFY(!probe.isOpen("a"));
    // Taken, and not done.
    const ActionId stuck = probe.execute(ActionVerb::reclaim, "b");
    QTRY_COMPARE(probe.phases(stuck), QStringLiteral("sent accepted timed_out"));
    QVERIFY(probe.outcome(stuck).contains(QStringLiteral("still open")));
    answer = "false";
    const ActionId refused = probe.execute(ActionVerb::reclaim, "c");
    QTRY_COMPARE(probe.phases(refused), QStringLiteral("sent refused"));
    QVERIFY(probe.outcome(refused).contains(QStringLiteral("not today")));
    answer.clear();
    const ActionId unanswered = probe.execute(ActionVerb::reclaim, "c");
    QTRY_COMPARE(probe.phases(unanswered), QStringLiteral("sent timed_out"));
    QVERIFY(probe.outcome(unanswered).contains(QStringLiteral("may still take")));
    const ActionId cut = probe.execute(ActionVerb::reclaim, "c");
    static_cast<QLocalSocket*>(agent.peer)->abort();
    QTRY_COMPARE(probe.phases(cut), QStringLiteral("sent timed_out"));
    QVERIFY(probe.outcome(cut).contains(QStringLiteral("connection was lost")));
}

void TestAgentSource::reclaimThatIsNotSent()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.open("a") + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    const ActionId early = probe.execute(ActionVerb::reclaim, "a");
    QCOMPARE(probe.phases(early), QStringLiteral("refused"));
    QTRY_VERIFY(probe.up());
    const ActionId gone = probe.execute(ActionVerb::reclaim, "z");
    QCOMPARE(probe.phases(gone), QStringLiteral("refused"));
    for (const ActionVerb verb : {ActionVerb::cancel, ActionVerb::terminate}) {
        const ActionId session = probe.execute(verb, "a");
        QCOMPARE(probe.phases(session), QStringLiteral("refused"));
        QVERIFY(probe.outcome(session).contains(QStringLiteral("reclaim")));
    }
    QCOMPARE(agent.count("reclaim"), 0);
}

/// Whoever hears of a fact may have had enough: in the middle of what is being read.
void TestAgentSource::stopInAFact()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.open("a") + agent.ready() + agent.event("checkin", "a", 1));
    };
    for (int stopAt = 1; stopAt <= 4; ++stopAt) {
        PoolProbe probe(agent.url());
        int facts = 0;
        connect(&probe.source(), &Source::observed, this, [&] {
            if (++facts == stopAt)
                probe.source().stop();
        });
        const int before = agent.left;
        probe.start();
        if (stopAt == 1) { // told before anything was reached
            QCOMPARE(facts, 1);
            continue;
        }
        QTRY_COMPARE(agent.left, before + 1);
        QCOMPARE(facts, stopAt);
    }
}

QTEST_GUILESS_MAIN(TestAgentSource)
#include "tst_agentsource.moc"
