// SPDX-License-Identifier: GPL-3.0-or-later
// Leaks as JSON objects of DESIGN section 9 and as text.
#include "app/cli/objects.h"
#include "app/cli/prose.h"
#include "app/cli/screen.h"
#include "core/report/texttable.h"
#include "tests/cli/objectarrays.h"
#include "tests/support/poolscene.h"
#include "tests/support/updates.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;
using namespace std::chrono_literals;

class TestLeakObjects : public PoolObjects
{
    Q_OBJECT
private slots:
    void initTestCase() { picture_.apply(scene_.whole()); }
    void leaksNameTheLine();
    void aBypassIsCalledOne();
    void bothKindsOfLeaks();
    void statementsThatAreNeverClosed();
};

void TestLeakObjects::leaksNameTheLine()
{
    const QJsonArray all = array(writeLeaks, picture_);
    QVERIFY(!all.isEmpty());
    for (const QJsonValue& one : all) {
        QCOMPARE(keysOf(one), sorted("target kind severity pool checkout server_pid age_us "
                                     "acquired_by tags stack evidence joined_by group session"));
        QCOMPARE(of(one, "kind").toString(), QStringLiteral("checkout"));
        QCOMPARE(of(one, "group").toString(),
                 QStringLiteral("shop::place_order (src/checkout.cpp:88)"));
        QVERIFY(of(one, "joined_by").isNull());
        QVERIFY(of(one, "session").isNull());
        QVERIFY(of(one, "evidence").toArray().size() >= 2);
        QVERIFY(QStringList({QStringLiteral("alert"), QStringLiteral("critical")})
                    .contains(of(one, "severity").toString()));
    }
    // The job that said that it would be long is none; the threshold decides about the others.
    const auto old = std::count_if(
        picture_.checkouts.begin(), picture_.checkouts.end(), [this](const auto& entry) {
            return picture_.age(picture_.targets.front(), entry.second.acquired) >= 30s;
        });
    QCOMPARE(all.size(), qsizetype(old - 1));
}

void TestLeakObjects::aBypassIsCalledOne()
{
    Picture picture = picture_;
    for (Place& place : picture.targets.front().places)
        place.kind = LeakKind::bypass;
    const QJsonArray all = array(writeLeaks, picture);
    QVERIFY(!all.isEmpty());
    for (const QJsonValue& one : all) {
        QCOMPARE(of(one, "kind").toString(), QStringLiteral("bypass"));
        QVERIFY(of(one, "evidence")
                    .toArray()
                    .first()
                    .toString()
                    .startsWith(QStringLiteral("Established past the pools")));
    }
    QVERIFY(leaksText(picture, 0).find("bypass  ") != std::string::npos);
    QVERIFY(leaksText(picture_, 0).find("bypass") == std::string::npos);
}

void TestLeakObjects::bothKindsOfLeaks()
{
    SyntheticUpdates servers;
    servers.put(48000, SessionState::idle_in_transaction, "shop-api", 400s);
    Update update = servers.take(true);
    scene_.join(update);
    Picture picture;
    picture.apply(update);
    QSet<QString> kinds;
    for (const QJsonValue& one : array(writeLeaks, picture)) {
        kinds << of(one, "kind").toString();
        QCOMPARE(keysOf(one).size(), 14);
    }
    QVERIFY(kinds.contains(QStringLiteral("session")));
    QVERIFY(kinds.contains(QStringLiteral("checkout")));
}

/// With the keys of every leak, and nothing that only a checkout has.
void TestLeakObjects::statementsThatAreNeverClosed()
{
    Picture picture = picture_;
    StatementLeak leak;
    leak.pool = Text{"orders"};
    leak.stack = make_stack({{Text{"main.price"}, Text{"price.go"}, 31, true}});
    leak.open = 412;
    leak.window = 60s;
    leak.age = 95s;
    leak.distinct = 1;
    leak.connections = 5;
    leak.statement = Text{"SELECT\x1b[2J ?"};
    picture.targets.front().statements = {leak};
    picture.targets.front().statement_evidence = {evidence_of(leak)};
    const QJsonArray all = array(writeLeaks, picture);
    QCOMPARE(all.size(), array(writeLeaks, picture_).size() + 1);
    const QJsonValue one = all.last();
    QCOMPARE(keysOf(one), keysOf(all.first()));
    QCOMPARE(of(one, "kind").toString(), QStringLiteral("statement"));
    QCOMPARE(of(one, "severity").toString(), QStringLiteral("alert"));
    QCOMPARE(of(one, "pool").toString(), QStringLiteral("orders"));
    QCOMPARE(of(one, "age_us").toInteger(), qint64{95'000'000});
    QCOMPARE(of(one, "group").toString(), QStringLiteral("main.price (price.go:31)"));
    QCOMPARE(of(of(one, "stack").toArray().first(), "line").toInt(), 31);
    QVERIFY(of(one, "evidence")
                .toArray()
                .first()
                .toString()
                .startsWith(QStringLiteral("412 statements prepared here are open")));
    for (const char* const key : {"checkout", "server_pid", "acquired_by", "tags", "session"})
        QVERIFY2(of(one, key).isNull(), key);
    const std::string text = leaksText(picture, 0);
    QVERIFY(text.find("> main.price  price.go:31") != std::string::npos);
    QVERIFY(text.find("412 statements prepared here are open") != std::string::npos);
    QVERIFY(text.find('\x1b') == std::string::npos);
}

QTEST_GUILESS_MAIN(TestLeakObjects)
#include "tst_leakobjects.moc"
