// SPDX-License-Identifier: GPL-3.0-or-later
// URLs of agents and of the demo, from the registry down; the clock of an agent.
#include "core/source/agentaddress.h"
#include "core/source/agentclock.h"
#include "core/source/agenttimes.h"
#include "core/source/registry.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

class TestAgentAddress : public QObject
{
    Q_OBJECT
private slots:
    void good_data();
    void good();
    void bad_data();
    void bad();
    void names();
    void secretsAreStripped_data();
    void secretsAreStripped();
    void neverInTheClear_data();
    void neverInTheClear();
    void theDemo();
    void clockTakesTheShortestTrip();
    void clockForgetsWhatAJumpMadeVoid();
    void timesOfTheFuture();
    void aClockThatWasCorrected();
    void clockOutlivesASetClock();

private:
    static QString text(const std::string& s) { return QString::fromStdString(s); }
};

void TestAgentAddress::good_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("label");
    QTest::newRow("host") << "pool://localhost:7007"
                          << "localhost:7007";
    QTest::newRow("v4") << "pool://127.0.0.1:7007"
                        << "127.0.0.1:7007";
    QTest::newRow("v6") << "pool://[::1]:7007"
                        << "[::1]:7007";
    QTest::newRow("unix") << "pool+unix:///run/p/1-a.sock"
                          << "/run/p/1-a.sock";
    QTest::newRow("percent") << "pool+unix:///run/100%25.sock"
                             << "/run/100%25.sock";
}

void TestAgentAddress::good()
{
    QFETCH(QString, url);
    QFETCH(QString, label);
    const Result<TargetKind> kind = classifyTarget(url);
    QVERIFY2(kind, kind ? "" : kind.error().sentence.c_str());
    QCOMPARE(kind.value(), TargetKind::pool);
    QCOMPARE(parseAgentUrl(url).value().label(), label);
    // Attaching to what is shown must work again.
    QCOMPARE(parseAgentUrl(url).value().url(), url);
    QCOMPARE(withoutSecrets(url), url);
    const auto source = makeSource(TargetId{3}, {url, {}, 1s, {}});
    QVERIFY(source);
    QCOMPARE(text(source.value()->info().url), url);
    QCOMPARE(text(source.value()->info().kind), QStringLiteral("pool"));
    QCOMPARE(source.value()->info().id, TargetId{3});
}

void TestAgentAddress::bad_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("words");
    QTest::newRow("user") << "pool://me:t0psecret@localhost:1"
                          << "no user, token";
    QTest::newRow("empty user") << "pool://@localhost:1"
                                << "no user, token";
    QTest::newRow("token") << "pool://localhost:1?token=t0psecret"
                           << "no user, token";
    QTest::newRow("fragment") << "pool://localhost:1#t0psecret"
                              << "no user, token";
    QTest::newRow("unix token") << "pool+unix:///a.sock?token=t0psecret"
                                << "no user, token";
    QTest::newRow("unix user") << "pool+unix://t0psecret@/a.sock"
                               << "no user, token";
    QTest::newRow("no port") << "pool://localhost"
                             << "cannot be read";
    QTest::newRow("port 0") << "pool://localhost:0"
                            << "cannot be read";
    QTest::newRow("large port") << "pool://localhost:70000"
                                << "cannot be read";
    QTest::newRow("no host") << "pool://:7"
                             << "cannot be read";
    QTest::newRow("path") << "pool://localhost:1/shop"
                          << "cannot be read";
    QTest::newRow("nothing") << "pool://"
                             << "cannot be read";
    QTest::newRow("no path") << "pool+unix://"
                             << "is missing";
    QTest::newRow("relative") << "pool+unix://a.sock"
                              << "is missing";
    QTest::newRow("long") << QString(QStringLiteral("pool+unix:///") + QString(110, u'x'))
                          << "too long";
}

void TestAgentAddress::bad()
{
    QFETCH(QString, url);
    QFETCH(QString, words);
    const Result<TargetKind> kind = classifyTarget(url);
    QVERIFY(!kind);
    QVERIFY2(text(kind.error().sentence).contains(words), kind.error().sentence.c_str());
    QVERIFY(!text(kind.error().sentence + kind.error().next_step)
                 .contains(QStringLiteral("t0psecret")));
    QVERIFY(!withoutSecrets(url).contains(QStringLiteral("t0psecret")));
    QVERIFY(!makeSource(TargetId{1}, {url, {}, 1s, {}}));
}

void TestAgentAddress::names()
{
    const auto name = [](const char* url) {
        return parseAgentUrl(QString::fromLatin1(url)).value().name();
    };
    QCOMPARE(name("pool+unix:///run/p/4242-shop-api.sock"), QStringLiteral("shop-api (4242)"));
    QCOMPARE(name("pool+unix:///run/p/shop.sock"), QStringLiteral("shop"));
    QCOMPARE(name("pool+unix:///run/p/pool"), QStringLiteral("pool"));
    QCOMPARE(name("pool://localhost:7007"), QStringLiteral("localhost:7007"));
}

void TestAgentAddress::secretsAreStripped_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("stripped");
    QTest::newRow("user") << "pool://me:tok@localhost:1"
                          << "pool://localhost:1";
    QTest::newRow("query") << "pool://localhost:1/?token=x"
                           << "pool://localhost:1";
    QTest::newRow("unix") << "pool+unix:///a.sock?token=x"
                          << "pool+unix:///a.sock";
    QTest::newRow("unix user") << "pool+unix://x@/a.sock"
                               << "pool+unix://";
    QTest::newRow("no address") << "pool://::::"
                                << "pool://";
}

void TestAgentAddress::secretsAreStripped()
{
    QFETCH(QString, url);
    QFETCH(QString, stripped);
    QCOMPARE(withoutSecrets(url), stripped);
}

void TestAgentAddress::neverInTheClear_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("ssh");
    QTest::addColumn<QString>("reached"); ///< empty: refused
    QTest::newRow("other host") << "pool://app1:7007"
                                << ""
                                << "";
    QTest::newRow("address") << "pool://192.0.2.1:7007"
                             << ""
                             << "";
    QTest::newRow("any") << "pool://0.0.0.0:7007"
                         << ""
                         << "";
    QTest::newRow("looks like it") << "pool://localhost.example:7007"
                                   << ""
                                   << "";
    QTest::newRow("here") << "pool://LOCALHOST:7007"
                          << ""
                          << "localhost:7007";
    QTest::newRow("127/8") << "pool://127.3.2.1:7007"
                           << ""
                           << "127.3.2.1:7007";
    QTest::newRow("there") << "pool://localhost:7007"
                           << "me@app1"
                           << "localhost:7007";
    QTest::newRow("named twice") << "pool://app1:7007"
                                 << "me@app1"
                                 << "localhost:7007";
    QTest::newRow("beyond") << "pool://app2:7007"
                            << "me@app1"
                            << "";
    QTest::newRow("socket there") << "pool+unix:///a.sock"
                                  << "app1"
                                  << "/a.sock";
    QTest::newRow("colon") << "pool+unix:///a:b.sock"
                           << "app1"
                           << "";
}

void TestAgentAddress::neverInTheClear()
{
    QFETCH(QString, url);
    QFETCH(QString, ssh);
    QFETCH(QString, reached);
    const Result<AgentAddress> address = reachableAddress(parseAgentUrl(url).value(), ssh);
    const auto source = makeSource(TargetId{1}, {url, ssh, 1s, {}});
    QCOMPARE(bool(source), bool(address));
    QCOMPARE(address ? address.value().label() : QString(), reached);
    if (!address)
        QVERIFY(text(address.error().sentence).endsWith(QLatin1Char('.')));
    if (!address && ssh.isEmpty()) {
        QVERIFY(text(address.error().next_step).contains(QStringLiteral("--ssh")));
        // As the dialog's field is called.
        QVERIFY(text(address.error().next_step).contains(QStringLiteral("\"SSH host\"")));
    }
}

void TestAgentAddress::theDemo()
{
    QCOMPARE(classifyTarget(QStringLiteral("demo:")).value(), TargetKind::demo);
    QVERIFY(!classifyTarget(QStringLiteral("demo:other")));
    QCOMPARE(withoutSecrets(QStringLiteral("demo:")), QStringLiteral("demo:"));
    const auto source = makeSource(TargetId{1}, {QStringLiteral("demo:"), {}, 1s, {}});
    QVERIFY(source);
    QCOMPARE(text(source.value()->info().name), QStringLiteral("demo"));
    QCOMPARE(text(source.value()->info().url), QStringLiteral("demo:"));
    QVERIFY(!makeSource(TargetId{1}, {QStringLiteral("demo:"), QStringLiteral("app1"), 1s, {}}));
}

void TestAgentAddress::clockTakesTheShortestTrip()
{
    AgentClock clock;
    const AgentClock::Steady::time_point steady{100s};
    const Timestamp ours = timestamp_from_us(5'000'000'000);
    QVERIFY(!clock.isKnown());
    QCOMPARE(clock.offset(ours, steady), Duration{0});
    clock.greeted(ours + 3s, steady);
    QCOMPARE(clock.offset(ours, steady), Duration{3s});
    // 40 ms on the way there, nothing on the way back: half of that is the error.
    clock.answered(ours + 2s + 40ms, steady, steady + 40ms);
    QCOMPARE(clock.offset(ours, steady), Duration{2s + 20ms});
    clock.answered(ours + 2s + 1ms, steady, steady + 2ms);
    QCOMPARE(clock.offset(ours, steady), Duration{2s});
    for (int i = 0; i < 7; ++i)
        clock.answered(ours + 2s + 105ms, steady, steady + 10ms);
    QCOMPARE(clock.offset(ours, steady), Duration{2s});
    clock.answered(ours + 2s + 105ms, steady, steady + 10ms); // the good one is too old by now
    QCOMPARE(clock.offset(ours, steady), Duration{2s + 100ms});
    clock.clear();
    QVERIFY(!clock.isKnown());
}

/// An agent that tells the wall clock, which was set.
void TestAgentAddress::clockForgetsWhatAJumpMadeVoid()
{
    const AgentClock::Steady::time_point steady{100s};
    const Timestamp ours = timestamp_from_us(5'000'000'000);
    for (const Duration jump : {Duration{1h}, Duration{-1h}, Duration{700ms}}) {
        AgentClock clock;
        clock.answered(ours, steady, steady); // the best there can be
        clock.answered(ours + 10s + 100ms, steady + 10s, steady + 10s + 200ms);
        QCOMPARE(clock.offset(ours + 10s, steady + 10s), Duration{0});
        clock.answered(ours + 20s + 100ms + jump, steady + 20s, steady + 20s + 200ms);
        QCOMPARE(clock.offset(ours + 20s, steady + 20s), jump);
    }
    // A slow trip says too little to tell a jump by.
    AgentClock clock;
    clock.answered(ours, steady, steady);
    clock.answered(ours + 10s, steady + 10s, steady + 14s);
    QCOMPARE(clock.offset(ours, steady), Duration{0});
}

void TestAgentAddress::timesOfTheFuture()
{
    using Steady = AgentTimes::Steady;
    const Steady::time_point steady{100s};
    const Timestamp theirs = timestamp_from_us(5'000'000'000);
    AgentTimes times;
    times.hint(theirs + 9h, steady);
    QCOMPARE(times.checked(theirs + 9h, steady), theirs + 9h); // nothing is known yet
    times.read(theirs, steady);
    QCOMPARE(times.checked(theirs - 9h, steady), theirs - 9h);
    QCOMPARE(times.checked(theirs + 60s, steady), theirs + 60s);
    QCOMPARE(times.checked(theirs + 60s + 1us, steady), theirs);
    QCOMPARE(times.checked(theirs + 61s, steady + 1s), theirs + 61s); // time went on
    QCOMPARE(times.checked(theirs + 3h, steady + 5s), theirs + 5s);
    QCOMPARE(times.disbelieved(), std::uint64_t{2});
    times.hint(theirs + 50s, steady + 5s);
    QCOMPARE(times.checked(theirs + 110s, steady + 5s), theirs + 110s);
    times.hint(theirs + 3h, steady + 5s); // statistics are no better than events
    QCOMPARE(times.checked(theirs + 3h, steady + 5s), theirs + 50s);
    QCOMPARE(times.disbelieved(), std::uint64_t{4});
    times.read(theirs + 3h, steady + 6s); // a pong is
    QCOMPARE(times.checked(theirs + 3h, steady + 6s), theirs + 3h);
}

/// One of the two machines slept: what was told meanwhile is to be told anew.
void TestAgentAddress::aClockThatWasCorrected()
{
    using Steady = AgentTimes::Steady;
    const Steady::time_point steady{100s};
    const Timestamp theirs = timestamp_from_us(90'000'000'000);
    AgentTimes times;
    QVERIFY(!times.read(theirs, steady)); // there was nothing to correct
    QVERIFY(!times.read(theirs + 70s, steady + 10s));
    QVERIFY(times.read(theirs + 3h, steady + 11s));
    QVERIFY(!times.read(theirs + 3h + 10s, steady + 21s));
    QVERIFY(times.read(theirs + 3h, steady + 82s)); // it stood still
    QVERIFY(!times.read(theirs + 3h, steady + 142s));
}

void TestAgentAddress::clockOutlivesASetClock()
{
    AgentClock clock;
    const AgentClock::Steady::time_point steady{100s};
    const Timestamp ours = timestamp_from_us(5'000'000'000);
    clock.answered(ours, steady, steady);
    QCOMPARE(clock.offset(ours + 7s, steady + 7s), Duration{0});
    // Ours was set an hour ahead: theirs is an hour behind now.
    QCOMPARE(clock.offset(ours + 1h + 8s, steady + 8s), Duration{-1h});
}

QTEST_APPLESS_MAIN(TestAgentAddress)
#include "tst_agentaddress.moc"
