// SPDX-License-Identifier: GPL-3.0-or-later
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

/// Pools, checkouts and their leaks as JSON objects of DESIGN section 9 and as text.
class TestPoolObjects : public PoolObjects
{
    Q_OBJECT
private slots:
    void initTestCase();
    void poolKeys();
    void poolValues();
    void notReportedIsNull();
    void checkoutKeys();
    void checkoutValues();
    void aReturnLeaves();
    void statesAreOfServersAlone();
    void actionsOfBothKinds();
    void watchedHoldsPools();
    void hostileTextIsCarriedByJsonAndCleanedForPeople();
    void textNamesTheLine();
    void aConnectionThatTheServerLost();
    void lostConnectionsInJson();
    void screenShowsPools();
};

void TestPoolObjects::initTestCase()
{
    picture_.apply(scene_.whole());
    QVERIFY(picture_.checkouts.size() > 14);
}

void TestPoolObjects::poolKeys()
{
    const QJsonArray all = array(writePools, picture_);
    QCOMPARE(all.size(), 2);
    for (const QJsonValue& one : all)
        QCOMPARE(
            keysOf(one),
            sorted(
                "target pool kind used idle pending max timeouts wait_p50_us wait_p99_us "
                "use_p50_us use_p99_us total idle_min idle_max overflow create_p99_us wait_count "
                "wait_us_total health circuit leaks_detected tracked config lost_connections"));
}

void TestPoolObjects::poolValues()
{
    const QJsonValue shop = array(writePools, picture_).last();
    QCOMPARE(of(shop, "target").toString(), QStringLiteral("pool+unix:///run/shop-api.sock"));
    QCOMPARE(of(shop, "pool").toString(), QStringLiteral("shop"));
    QCOMPARE(of(shop, "used").toInt(), 20);
    QCOMPARE(of(shop, "pending").toInt(), 4);
    QCOMPARE(of(shop, "max").toInt(), 20);
    QCOMPARE(of(shop, "timeouts").toInt(), 7);
    QCOMPARE(of(shop, "wait_p99_us").toInt(), 4200000);
    QCOMPARE(of(shop, "use_p50_us").toInt(), 3100);
    QCOMPARE(of(shop, "wait_count").toInt(), 185 * 360);
    QCOMPARE(of(shop, "circuit").toString(), QStringLiteral("closed"));
    QCOMPARE(of(of(shop, "config"), "acquire_timeout").toString(), QStringLiteral("5 s"));
}

void TestPoolObjects::notReportedIsNull()
{
    Update update = scene_.whole();
    Pool bare;
    bare.name = Text("bare");
    bare.use_time = DurationSummary{}; // reported, and nothing was used yet
    update.targets.front().pools = {bare};
    Picture picture;
    picture.apply(update);
    const QJsonValue pool = array(writePools, picture).first();
    for (const char* const key :
         {"kind", "used", "idle", "pending", "max", "timeouts", "wait_p50_us", "use_p50_us",
          "use_p99_us", "create_p99_us", "wait_count", "health", "circuit", "tracked"})
        QVERIFY2(of(pool, key).isNull(), key);
    QVERIFY(poolsText(picture, 0).find(" 0 ") == std::string::npos);

    // One that counts how often, and no more than that.
    bare.wait_time = DurationSummary{7, {}, {}, {}};
    bare.create_time = DurationSummary{7, 1s, {}, {}};
    update.targets.front().pools = {bare};
    picture.apply(update);
    const QJsonValue counted = array(writePools, picture).first();
    QCOMPARE(of(counted, "wait_count").toInt(), 7);
    for (const char* const key : {"wait_us_total", "wait_p50_us", "wait_p99_us", "create_p99_us"})
        QVERIFY2(of(counted, key).isNull(), key);
    QVERIFY(poolsText(picture, 0).find(" 0 ") == std::string::npos);
}

void TestPoolObjects::checkoutKeys()
{
    const QJsonArray all = array(writeCheckouts, picture_);
    QCOMPARE(all.size(), qsizetype(picture_.checkouts.size()));
    for (const QJsonValue& one : all)
        QCOMPARE(keysOf(one),
                 sorted("target pool checkout connection server_pid acquired age_us "
                        "wait_us acquired_by tags stack expected_us session joined_by"));
}

void TestPoolObjects::checkoutValues()
{
    const QJsonArray all = array(writeCheckouts, picture_);
    qint64 older = std::numeric_limits<qint64>::max();
    for (const QJsonValue& one : all) { // oldest first
        const qint64 age = of(one, "age_us").toInteger();
        QVERIFY(age <= older);
        older = age;
    }
    const QJsonValue first = all.first();
    const Checkout& leaked = *picture_.checkout(scene_.leaked().front());
    QCOMPARE(of(first, "checkout").toString().toStdString(), leaked.key.id.str());
    // On the process's clock: the offset is in the age, not in the instant.
    QCOMPARE(of(first, "age_us").toInteger(),
             to_us(picture_.now + PoolScene::offset - leaked.acquired));
    QCOMPARE(of(first, "acquired").toString().toStdString(), format_iso8601(leaked.acquired));
    QCOMPARE(of(first, "acquired_by").toString(), QStringLiteral("POST /orders"));
    QCOMPARE(of(of(first, "tags"), "tenant").toString(), QStringLiteral("us-1"));
    QVERIFY(of(first, "session").isNull());
    const QJsonArray stack = of(first, "stack").toArray();
    QCOMPARE(keysOf(stack.first()), sorted("function file line own"));
    QCOMPARE(of(stack[1], "file").toString(), QStringLiteral("src/checkout.cpp"));
    QCOMPARE(of(stack[1], "line").toInt(), 88);
    QCOMPARE(of(stack[1], "own").toBool(), true);
    QVERIFY(of(stack.last(), "line").isNull()); // known of clone3: nothing but its name
}

void TestPoolObjects::aReturnLeaves()
{
    PoolScene scene;
    Picture picture;
    picture.apply(scene.take(true));
    const CheckoutKey first = scene.leaked().front();
    QVERIFY(picture.checkout(first));
    scene.end(first.id.str());
    picture.apply(scene.take());
    QVERIFY(!picture.checkout(first));
    QCOMPARE(picture.checkouts.size(), scene.pools().checkouts.size());
    Update none;
    none.reset = true;
    none.actions = std::make_shared<const std::vector<ActionRecord>>();
    picture.apply(none);
    QVERIFY(picture.checkouts.empty());
}

void TestPoolObjects::statesAreOfServersAlone()
{
    QVERIFY(array(writeAllStates, picture_).isEmpty());
    QVERIFY(array(writeSessions, picture_).isEmpty());
    QVERIFY(statesText(picture_, 0).find("shop-api") == std::string::npos);
}

void TestPoolObjects::actionsOfBothKinds()
{
    ActionRecord action;
    action.verb = ActionVerb::reclaim;
    action.checkout = scene_.leaked().front();
    action.phase = ActionPhase::refused;
    action.outcome = "The process did not allow it.";
    JsonWriter json;
    writeAction(json, picture_.targets.front(), action);
    const QJsonObject reclaim =
        QJsonDocument::fromJson(QByteArray::fromStdString(json.text())).object();
    QCOMPARE(of(reclaim, "action").toString(), QStringLiteral("reclaim"));
    QCOMPARE(of(reclaim, "checkout").toString().toStdString(), action.checkout.id.str());
    QVERIFY(of(reclaim, "pid").isNull());
    QVERIFY(of(reclaim, "id").isNull());
    action.verb = ActionVerb::cancel;
    action.checkout = {};
    action.session = {TargetId{1}, Pid{7}, scene_.now()};
    JsonWriter other;
    writeAction(other, picture_.targets.front(), action);
    const QJsonObject cancel =
        QJsonDocument::fromJson(QByteArray::fromStdString(other.text())).object();
    QCOMPARE(of(cancel, "pid").toInt(), 7);
    QVERIFY(of(cancel, "checkout").isNull());
    QCOMPARE(keysOf(cancel), keysOf(reclaim));
}

void TestPoolObjects::watchedHoldsPools()
{
    JsonWriter json;
    writeWatched(json, picture_);
    QVERIFY(json.text().find('\n') == std::string::npos);
    const QJsonObject watched =
        QJsonDocument::fromJson(QByteArray::fromStdString(json.text())).object();
    QCOMPARE(of(watched, "pools").toArray().size(), 2);
    QVERIFY(of(watched, "states").toArray().isEmpty());
    QVERIFY(!of(watched, "leaks").toArray().isEmpty());
}

void TestPoolObjects::hostileTextIsCarriedByJsonAndCleanedForPeople()
{
    const std::string evil = "<b>evil</b>\x1b[31m\xe2\x80\xae\"\n";
    PoolScene scene;
    Checkout checkout;
    checkout.key.id = Text("c-evil");
    checkout.pool = Text(evil);
    checkout.acquired = scene.now() - 400s;
    checkout.acquired_by = Text(evil);
    checkout.tags = {{Text(evil), Text(evil)}, {Text(evil), Text("second")}};
    checkout.stack = make_stack({{Text(evil), Text(evil), 3, true}});
    scene.put(checkout);
    Picture picture;
    picture.apply(scene.whole());
    for (const QJsonValue& one : array(writeCheckouts, picture)) {
        if (of(one, "checkout").toString() != QStringLiteral("c-evil"))
            continue;
        QCOMPARE(of(one, "acquired_by").toString().toStdString(), evil);
        QCOMPARE(of(one, "tags").toObject().size(), 1); // one key twice: the first counts
        QCOMPARE(of(one, "tags").toObject().begin().value().toString().toStdString(), evil);
    }
    std::string all = poolsText(picture, 0) + checkoutsText(picture, 0) + leaksText(picture, 0);
    for (const std::string& line : screenLines(picture, {300, 0}, false, ""))
        all += line + '\n';
    QVERIFY(all.find("<b>evil</b>") != std::string::npos);
    QVERIFY(all.find('\x1b') == std::string::npos);
    QVERIFY(all.find("\xe2\x80\xae") == std::string::npos);
}

void TestPoolObjects::textNamesTheLine()
{
    const std::string leaks = leaksText(picture_, 0);
    QVERIFY2(leaks.find("shop::place_order (src/checkout.cpp:88)") != std::string::npos,
             leaks.c_str());
    QVERIFY(leaks.find("13 of 14 suspected, the oldest for 5 min") != std::string::npos ||
            leaks.find("14 of 14 suspected, the oldest for 5 min") != std::string::npos);
    QVERIFY(leaks.find("nothing is free") != std::string::npos);
    QVERIFY(leaks.find("    > shop::place_order  src/checkout.cpp:88\n") != std::string::npos);
    QVERIFY(leaks.find("reindex") == std::string::npos);
    // One paragraph for all of them.
    QCOMPARE(QString::fromStdString(leaks).count(QStringLiteral("\n\n")), 1);

    const std::string checkouts = checkoutsText(picture_, 0);
    QVERIFY(checkouts.find("long-running") != std::string::npos);
    QVERIFY(checkouts.find("src/reindex.cpp:41") != std::string::npos);
    const std::string pools = poolsText(picture_, 0);
    QVERIFY(pools.find("reports") != std::string::npos);
    QCOMPARE(poolsText(Picture{}, 0), std::string{"No pools.\n"});
    QCOMPARE(checkoutsText(Picture{}, 0), std::string{"Nothing is checked out.\n"});
}

void TestPoolObjects::aConnectionThatTheServerLost()
{
    Picture picture = picture_;
    const Checkout* const held = picture.checkout(scene_.leaked().front());
    QVERIFY(held && !held->connection.empty());
    LostConnection lost;
    lost.connection = {held->pool, held->connection};
    lost.session = {TargetId{9}, Pid{4711}, picture.now - 1h};
    lost.since = picture.now - 28s;
    lost.lent = true;
    picture.targets.front().lost_connections = {lost};
    int told = 0;
    for (const QJsonValue& one : array(writeLeaks, picture)) {
        const QString evidence =
            QString::fromUtf8(QJsonDocument(of(one, "evidence").toArray()).toJson());
        if (!evidence.contains(QStringLiteral("The server ended its session 4711 28 s ago")))
            continue;
        ++told;
        QCOMPARE(of(one, "checkout").toString().toStdString(), held->key.id.str());
    }
    QCOMPARE(told, 1); // of nobody else
    QVERIFY(leaksText(picture, 0).find("session 4711 28 s ago") != std::string::npos);
    const std::string pools = poolsText(picture, 0);
    QVERIFY2(
        pools.find("shop of shop-api lists 1 connection that the server ended, or lost the way "
                   "to (session 4711), the latest 28 s ago; 1 is lent.") != std::string::npos,
        pools.c_str());
    QVERIFY(poolsText(picture_, 0).find("ended") == std::string::npos);
    // The screen says so too, on as many lines as it takes.
    const auto screen = [](const Picture& of, int columns) {
        QString all;
        for (const std::string& line : screenLines(of, {columns, 50}, false, "q quits"))
            all += QString::fromStdString(line) + QLatin1Char(' ');
        return all.simplified();
    };
    for (const int columns : {80, 160})
        QVERIFY2(screen(picture, columns)
                     .contains(QStringLiteral("shop lists 1 connection that the server ended, or "
                                              "lost the way to (session 4711), the latest 28 s "
                                              "ago; 1 is lent. Each fails at its next use.")),
                 qPrintable(screen(picture, columns)));
    QVERIFY(!screen(picture_, 80).contains(QStringLiteral("ended")));
}

void TestPoolObjects::lostConnectionsInJson()
{
    Picture picture = picture_;
    LostConnection lost;
    lost.connection = {Text{"shop"}, Text{"k-7"}};
    lost.session = {TargetId{9}, Pid{4711}, picture.now - 1h};
    lost.since = timestamp_from_us(1'795'271'527'000'000);
    const auto told = [&picture](int pool) {
        return of(array(writePools, picture).at(pool), "lost_connections");
    };
    // Not known without a server, nor of a process that does not name its connections.
    picture.targets.front().lost_connections = {};
    QVERIFY(told(1).isNull());
    TargetSummary& server = picture.targets.emplace_back();
    server.info = {TargetId{9}, "postgresql", "shop-db", "service=shop"};
    TargetSummary& process = picture.targets.front();
    QVERIFY(process.agent);
    std::erase(process.agent->can, "connections");
    QVERIFY(told(1).isNull());
    process.agent->can.emplace_back("connections");
    QCOMPARE(told(1).toArray().size(), 0);
    QVERIFY(told(1).isArray());
    process.lost_connections = {lost};
    QVERIFY(told(0).toArray().isEmpty()); // of its own pool alone
    const QJsonArray one = told(1).toArray();
    QCOMPARE(one.size(), 1);
    QCOMPARE(keysOf(one.first()), sorted("connection server_pid since lent"));
    QCOMPARE(of(one.first(), "connection").toString(), QStringLiteral("k-7"));
    QCOMPARE(of(one.first(), "server_pid").toInt(), 4711);
    QCOMPARE(of(one.first(), "since").toString(), QStringLiteral("2026-11-21T14:32:07.000000Z"));
    QCOMPARE(of(one.first(), "lent").toBool(true), false);
}

void TestPoolObjects::screenShowsPools()
{
    for (const int columns : {20, 40, 80, 200}) {
        for (const int rows : {1, 5, 10, 24, 50}) {
            const auto lines = screenLines(picture_, {columns, rows}, false, "q quits");
            QVERIFY(static_cast<int>(lines.size()) <= rows);
            for (const std::string& line : lines)
                QVERIFY2(display_width(line) <= columns, line.c_str());
        }
    }
    QString all;
    for (const std::string& line : screenLines(picture_, {160, 50}, false, ""))
        all += QString::fromStdString(line) + QLatin1Char('\n');
    QVERIFY2(all.contains(QStringLiteral("20 of 20 used   0 idle   4 waiting   7 timed out")),
             qPrintable(all));
    QVERIFY(all.contains(QStringLiteral("EXHAUSTED")));
    QVERIFY(all.contains(QStringLiteral("ACQUIRED AT"))); // its places, as no server is attached
    QVERIFY(all.contains(QStringLiteral("shop::search (src/catalog.cpp:52)")));
    QVERIFY(!all.contains(QStringLiteral("STATEMENT")));
    QVERIFY(!all.contains(QStringLiteral("connections"))); // of a server

    SyntheticUpdates servers;
    servers.put(48000, SessionState::active, "shop-api");
    Update both = servers.take(true);
    scene_.join(both);
    Picture picture;
    picture.apply(both);
    all.clear();
    for (const std::string& line : screenLines(picture, {160, 50}, false, ""))
        all += QString::fromStdString(line) + QLatin1Char('\n');
    QVERIFY(all.contains(QStringLiteral("EXHAUSTED")));
    QVERIFY(all.contains(QStringLiteral("STATEMENT")));
    QVERIFY(all.indexOf(QStringLiteral("of 20 used")) < all.indexOf(QStringLiteral("STATEMENT")));
}

QTEST_GUILESS_MAIN(TestPoolObjects)
#include "tst_poolobjects.moc"
