// SPDX-License-Identifier: GPL-3.0-or-later
// What goes wrong between an agent and us, with agents that do it on purpose.
#include "tests/source/fakeagent.h"
#include "tests/source/poolprobe.h"

#include "core/wire/sha256.h"

#include <QTest>
#include <QTimer>

#include <algorithm>

using namespace poolscope;
using namespace poolscope::test;

class TestAgentTrouble : public QObject
{
    Q_OBJECT
private slots:
    void newerVersion();
    void tokenRightWrongMissing();
    void oneChallengeOnly();
    void endlessLine();
    void garbage();
    void garbageInBetweenIsCounted();
    void contradictionsAreTold();
    void oddValuesAreTold();
    void whatHasNoPlaceIsTold();
    void unknownKindsAreNotHeldAgainstIt();
    void aPoolWithoutAUsableName();
    void timesThatCannotBe();
    void silentAfterConnect();
    void pictureWithoutEnd();
    void silentLater();
    void nobodyThere();
};

void TestAgentTrouble::newerVersion()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello().replace("\"v\":1", "\"v\":2"));
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.sentence().contains(QStringLiteral("version 2")), qPrintable(probe.sentence()));
    QVERIFY(probe.sentence().contains(QStringLiteral("version 1")));
    QTRY_COMPARE(agent.left, 1);
    QCOMPARE(agent.attached, 1);
}

void TestAgentTrouble::tokenRightWrongMissing()
{
    FakeAgent agent;
    const QByteArray nonce(64, 'a');
    agent.onAttach = [&] {
        agent.say("{\"k\":\"challenge\",\"n\":0,\"v\":1,\"nonce\":\"" + nonce + "\"}\n");
    };
    agent.onLine = [&](const QByteArray& line) {
        if (!line.contains("auth"))
            return;
        const std::string mac = wire::mac_of("right", nonce.toStdString());
        if (line.contains(mac.c_str())) {
            agent.say(agent.hello() + agent.ready());
            return;
        }
        agent.say("{\"k\":\"result\",\"n\":0,\"of\":1,\"ok\":false,\"why\":\"wrong token\"}\n");
        static_cast<QTcpSocket*>(agent.peer)->disconnectFromHost();
    };
    qunsetenv("POOLSCOPE_TOKEN");
    PoolProbe probe(agent.tcpUrl());
    probe.start();
    QTRY_COMPARE(probe.secrets.size(), 1);
    QCOMPARE(probe.reach(), Reach::stopped);
    QVERIFY(probe.secrets[0].contains(QStringLiteral("asks for its token")));
    probe.source().provideSecret(QStringLiteral("left"));
    QTRY_COMPARE(probe.secrets.size(), 2);
    QVERIFY2(probe.secrets[1].contains(QStringLiteral("wrong token")),
             qPrintable(probe.secrets[1]));
    probe.source().provideSecret(QStringLiteral("right"));
    QTRY_VERIFY(probe.up());
    QCOMPARE(agent.attached, 3);
    for (const Fact& fact : probe.facts) {
        if (const auto* status = std::get_if<StatusChanged>(&fact))
            QVERIFY(
                !QString::fromStdString(status->status.sentence).contains(QStringLiteral("left")));
    }
    // From the environment; and somebody who declines is not asked again.
    qputenv("POOLSCOPE_TOKEN", "right");
    PoolProbe second(agent.tcpUrl());
    qunsetenv("POOLSCOPE_TOKEN");
    second.start();
    QTRY_VERIFY(second.up());
    PoolProbe third(agent.tcpUrl());
    third.start();
    QTRY_COMPARE(third.secrets.size(), 1);
    third.source().provideSecret({});
    QCOMPARE(third.reach(), Reach::stopped);
    QVERIFY(third.sentence().contains(QStringLiteral("No token was given")));
}

void TestAgentTrouble::oneChallengeOnly()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        for (const char digit : {'a', 'b', 'c'})
            agent.say("{\"k\":\"challenge\",\"n\":0,\"v\":1,\"nonce\":\"" + QByteArray(64, digit) +
                      "\"}\n");
    };
    PoolProbe probe(agent.tcpUrl(), QStringLiteral("token"));
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY(probe.sentence().contains(QStringLiteral("again and again")));
}

void TestAgentTrouble::endlessLine()
{
    FakeAgent agent;
    qint64 sent = 0;
    agent.onAttach = [&] {
        auto* const socket = static_cast<QLocalSocket*>(agent.peer);
        connect(socket, &QIODevice::bytesWritten, &agent, [&, socket](qint64 written) {
            sent += written;
            socket->write(QByteArray(65536, 'x'));
        });
        socket->write(QByteArray(65536, 'x'));
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.sentence().contains(QStringLiteral("does not speak the agent protocol")),
             qPrintable(probe.sentence()));
    QVERIFY(sent < 16 << 20);
    QVERIFY(probe.nextStep().contains(QStringLiteral("address")));
}

void TestAgentTrouble::garbage()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say("HTTP/1.1 400 Bad Request\r\n\r\n\xff\xfe\n[1,2]\n{\"k\":7}\n");
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.sentence().contains(QStringLiteral("does not speak the agent protocol")),
             qPrintable(probe.sentence()));
    QTRY_VERIFY(agent.attached >= 2); // it is tried again: something else may listen by then
    QCOMPARE(probe.samples, 0);
}

/// An optional field of a wrong type, a text over its limit.
void TestAgentTrouble::oddValuesAreTold()
{
    for (const QByteArray& field :
         {QByteArray("\"wait_us\":\"long\""), "\"by\":\"" + QByteArray(1000, 'x') + "\""}) {
        FakeAgent agent;
        agent.onAttach = [&] {
            agent.say(agent.hello() + agent.ready());
        };
        PoolProbe probe(agent.url());
        probe.start();
        QTRY_VERIFY(probe.up());
        QVERIFY(probe.sentence().isEmpty());
        agent.say(agent.event("checkout", "a", 1).replace("}\n", "," + field + "}\n"));
        QTRY_VERIFY(probe.isOpen("a"));
        QTRY_VERIFY2(probe.sentence().contains(QStringLiteral("too long or of a wrong kind, once")),
                     qPrintable(probe.sentence()));
        QCOMPARE(probe.reach(), Reach::up);
    }
}

void TestAgentTrouble::whatHasNoPlaceIsTold()
{
    for (const int what : {0, 1, 2}) {
        FakeAgent agent;
        agent.onAttach = [&] {
            agent.say(agent.hello() + agent.ready());
        };
        PoolProbe probe(agent.url());
        probe.start();
        QTRY_VERIFY(probe.up());
        agent.say(agent.event("checkout", "a", 1));
        QTRY_VERIFY(probe.isOpen("a"));
        QVERIFY(probe.sentence().isEmpty());
        if (what == 0) // of a pool that it has not named
            agent.say("{\"k\":\"wait\",\"n\":2,\"pool\":\"nobodys\",\"t\":1,\"pending\":1}\n");
        else if (what == 1) // told again
            agent.say(agent.event("beat", "a", 1));
        else // the end of a picture that did not begin
            agent.say(agent.ready());
        QTRY_VERIFY2(probe.sentence().contains(QStringLiteral("has no place there, once")),
                     qPrintable(QString::number(what) + probe.sentence()));
        QCOMPARE(probe.reach(), Reach::up);
    }
}

/// The protocol asks for ignoring them: a newer agent is no bad one.
void TestAgentTrouble::unknownKindsAreNotHeldAgainstIt()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    agent.say("{\"k\":\"novelty\",\"n\":1}\n" + agent.event("checkout", "a", 2));
    QTRY_VERIFY(probe.isOpen("a"));
    QCOMPARE(probe.pools().unreadable, std::uint64_t{0});
    QVERIFY2(probe.sentence().isEmpty(), qPrintable(probe.sentence()));
}

void TestAgentTrouble::garbageInBetweenIsCounted()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    agent.say("nonsense\n{}\n" + QByteArray(200'000, 'x') + "\n" + agent.event("checkout", "a", 1));
    QTRY_VERIFY(probe.isOpen("a"));
    QCOMPARE(probe.pools().unreadable, std::uint64_t{3});
    QCOMPARE(probe.reach(), Reach::up);
    QCOMPARE(probe.gaps, 0);
    // And told, but not anew with each.
    const auto told = [&] {
        return std::ranges::count_if(probe.facts, [](const Fact& fact) {
            const auto* const status = std::get_if<StatusChanged>(&fact);
            return status && status->status.sentence.find("lines of the process cannot be read") !=
                                 std::string::npos;
        });
    };
    QTRY_VERIFY(told() >= 1);
    for (int i = 2; i < 32; ++i) {
        agent.say("nonsense\n" + agent.event("beat", "a", i));
        QTRY_COMPARE(probe.pools().unreadable, static_cast<std::uint64_t>(i + 2));
    }
    QTRY_VERIFY(told() >= 4);
    QVERIFY2(told() <= 6, qPrintable(QString::number(told()))); // 2, 4, 8, 16, 32
    // Nothing else, for ever: that is no agent any more.
    QByteArray nonsense;
    for (int i = 0; i < 9 * 64; ++i)
        nonsense += QByteArray(16'000, 'x') + '\n';
    agent.say(nonsense);
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 10000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("cannot be read")),
             qPrintable(probe.sentence()));
    QCOMPARE(probe.gaps, 1);
}

/// Ids that are lent twice, returns of what was not lent: left out, counted, and told.
void TestAgentTrouble::contradictionsAreTold()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.open("a") + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    // Its statements may end after it was taken back; and a picture says anew what is open.
    agent.say(agent.event("beat", "never", 1) + agent.hello(4242, 1) + agent.open("a", 1) +
              agent.open("b", 1) + agent.ready(1));
    QTRY_VERIFY(probe.isOpen("b"));
    QVERIFY2(probe.sentence().isEmpty(), qPrintable(probe.sentence()));
    agent.say(agent.event("checkin", "never", 2));
    QTRY_VERIFY2(probe.sentence().startsWith(
                     QStringLiteral("The process contradicts itself, once so far: it lent what was "
                                    "lent already, or took back what was not.")),
                 qPrintable(probe.sentence()));
    agent.say(agent.event("checkout", "a", 3) + agent.event("checkout", "c", 4));
    QTRY_VERIFY2(probe.sentence().contains(QStringLiteral("itself, 2 times or more so far")),
                 qPrintable(probe.sentence()));
    QTRY_VERIFY(probe.isOpen("c"));
    QVERIFY(probe.isOpen("a") && probe.isOpen("b"));
    QCOMPARE(probe.checkout("a").acquired, timestamp_from_us(1'000'000)); // the first counts
    QCOMPARE(probe.pools().checkouts.size(), std::size_t{3});
    QCOMPARE(probe.gaps, 0);
    // Where events were lost it is not the process that is wrong.
    const QString before = probe.sentence();
    agent.say(agent.event("checkin", "a", 10) + agent.event("checkin", "lost", 11) +
              agent.event("checkin", "too", 12) + agent.event("checkin", "three", 13));
    QTRY_VERIFY(!probe.isOpen("a"));
    QCOMPARE(probe.sentence(), before);
}

/// What is left out is not left out in silence: in the greeting, and later.
void TestAgentTrouble::aPoolWithoutAUsableName()
{
    const QByteArray longName(129, 'x');
    const QString words = QStringLiteral("over 128 bytes: they are left out");
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello().replace("orders", longName) + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    QVERIFY2(probe.sentence().contains(words), qPrintable(probe.sentence()));

    FakeAgent later;
    later.onAttach = [&] {
        later.say(later.hello() + later.ready());
    };
    PoolProbe second(later.url());
    second.start();
    QTRY_VERIFY(second.up());
    QVERIFY2(second.sentence().isEmpty(), qPrintable(second.sentence()));
    later.say(later.event("checkout", "a", 1).replace("orders", longName));
    QTRY_VERIFY2(second.sentence().contains(words), qPrintable(second.sentence()));
    QCOMPARE(second.reach(), Reach::up);
}

/// Otherwise they would never grow old, or be alive for ever.
void TestAgentTrouble::timesThatCannotBe()
{
    const auto now = to_us(SystemClock{}.now());
    const auto later = QByteArray::number(now + 3'600'000'000);
    const auto lent = [](const char* id, const QByteArray& more, int n) {
        return QByteArray("{\"k\":\"checkout\",\"n\":") + QByteArray::number(n) +
               ",\"pool\":\"orders\",\"id\":\"" + id + "\"," + more + "}\n";
    };
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + FakeAgent::open("good") +
                  lent("future", "\"open\":true,\"busy\":true,\"t\":" + later, 0) +
                  lent("beating", "\"open\":true,\"t\":1000000,\"beat\":" + later, 0) +
                  agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    const auto isNow = [&](std::optional<Timestamp> time) {
        return time && std::abs(to_us(*time) - now) < 30'000'000;
    };
    QCOMPARE(probe.checkout("good").acquired, timestamp_from_us(1'000'000));
    QVERIFY(isNow(probe.checkout("future").acquired));
    QVERIFY(isNow(probe.checkout("future").busy_since));
    QCOMPARE(probe.checkout("beating").acquired, timestamp_from_us(1'000'000));
    QVERIFY(isNow(probe.checkout("beating").heartbeat));
    QTRY_VERIFY2(probe.sentence().contains(QStringLiteral("lie in the future")),
                 qPrintable(probe.sentence()));
    QCOMPARE(probe.reach(), Reach::up);
    // Events too, each with the kind of time that it has.
    agent.say(lent("next", "\"t\":" + later, 1));
    agent.say(
        "{\"k\":\"use\",\"n\":2,\"pool\":\"orders\",\"id\":\"good\",\"busy\":true,\"t\":" + later +
        "}\n{\"k\":\"beat\",\"n\":3,\"pool\":\"orders\",\"id\":\"good\",\"t\":" + later +
        "}\n{\"k\":\"checkin\",\"n\":4,\"pool\":\"orders\",\"id\":\"future\",\"t\":" + later +
        "}\n");
    QTRY_VERIFY(probe.isOpen("next") && !probe.isOpen("future"));
    QVERIFY(isNow(probe.checkout("next").acquired));
    QVERIFY(isNow(probe.checkout("good").heartbeat));
    QVERIFY(isNow(probe.checkout("good").busy_since));
    for (const Fact& fact : probe.facts) {
        if (const auto* sample = std::get_if<PoolSample>(&fact)) {
            for (const CheckoutEnd& end : sample->ended)
                QVERIFY(isNow(end.returned));
        }
    }
    QCOMPARE(probe.gaps, 0);
    // Of another connection nothing is held against this one.
    agent.onAttach = [&] {
        agent.say(agent.hello() + FakeAgent::open("good") + agent.ready());
    };
    static_cast<QLocalSocket*>(agent.peer)->disconnectFromServer();
    QTRY_COMPARE(agent.attached, 2);
    QTRY_COMPARE(probe.reach(), Reach::up);
    QVERIFY2(probe.sentence().isEmpty(), qPrintable(probe.sentence()));
}

void TestAgentTrouble::silentAfterConnect()
{
    FakeAgent agent;
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.sentence().contains(QStringLiteral("said nothing for")),
             qPrintable(probe.sentence()));
    QTRY_VERIFY(agent.attached >= 2);
    QTRY_VERIFY(agent.left >= 1);
}

void TestAgentTrouble::pictureWithoutEnd()
{
    FakeAgent agent;
    QTimer more;
    int id = 0;
    connect(&more, &QTimer::timeout, &agent,
            [&] { agent.say(agent.open(QByteArray::number(++id).constData())); });
    agent.onAttach = [&] {
        agent.say(agent.hello());
        more.start(50);
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.failing, 1, 10000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("did not end")),
             qPrintable(probe.sentence()));
    more.stop();
    QCOMPARE(probe.samples, 0);
}

void TestAgentTrouble::silentLater()
{
    FakeAgent agent;
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.open("a") + agent.ready());
    };
    PoolProbe probe(agent.url());
    probe.start();
    QTRY_VERIFY(probe.up());
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.sentence().contains(QStringLiteral("has not answered")),
             qPrintable(probe.sentence()));
    QCOMPARE(probe.gaps, 1);
    QVERIFY(probe.isOpen("a")); // as far as is known
    QCOMPARE(agent.attached, 1);
    const int before = probe.samples;
    probe.source().sampleNow(); // there is nothing to tell
    QCOMPARE(probe.samples, before);
    agent.say(agent.event("checkin", "a", 1));
    QTRY_COMPARE(probe.reach(), Reach::up);
    QTRY_VERIFY(!probe.isOpen("a"));
    QTRY_COMPARE(agent.count("resync"), 1);
    QCOMPARE(agent.attached, 1); // on the same connection
}

void TestAgentTrouble::nobodyThere()
{
    FakeAgent agent;
    const QString url = agent.url();
    const QString tcpUrl = agent.tcpUrl();
    agent.server.close();
    agent.tcp.close();
    PoolProbe absent(url);
    absent.start();
    QTRY_COMPARE(absent.reach(), Reach::failing);
    QVERIFY2(absent.sentence().contains(QStringLiteral("There is no socket")),
             qPrintable(absent.sentence()));
    QVERIFY(absent.state().status.next_try.has_value());
    PoolProbe refused(tcpUrl);
    refused.start();
    QTRY_COMPARE(refused.reach(), Reach::failing);
    QVERIFY2(refused.sentence().contains(QStringLiteral("Nobody listens")),
             qPrintable(refused.sentence()));
    // By name: its second address may not even exist here.
    PoolProbe named(
        QString(tcpUrl).replace(QStringLiteral("127.0.0.1"), QStringLiteral("localhost")));
    named.start();
    QTRY_COMPARE(named.reach(), Reach::failing);
    QVERIFY2(named.sentence().contains(QStringLiteral("Nobody listens")),
             qPrintable(named.sentence()));
    // It comes: found by itself.
    agent.onAttach = [&] {
        agent.say(agent.hello() + agent.ready());
    };
    QVERIFY(agent.server.listen(agent.folder.filePath(QStringLiteral("4242-fake.sock"))));
    QTRY_VERIFY(absent.up());
}

QTEST_GUILESS_MAIN(TestAgentTrouble)
#include "tst_agenttrouble.moc"
