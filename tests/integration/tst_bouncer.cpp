// SPDX-License-Identifier: GPL-3.0-or-later
// A real PgBouncer before a real PostgreSQL, seen by its console.
#include "core/analyze/holders.h"
#include "core/analyze/links.h"
#include "core/source/bouncersource.h"
#include "tests/integration/sourceprobe.h"
#include "tests/source/poolprobe.h"
#include "tests/support/pgbouncer.h"
#include "tests/support/pgcluster.h"

#include <QElapsedTimer>
#include <QHostAddress>
#include <QScopeGuard>
#include <QTcpServer>
#include <QTest>
#include <QTimer>

#include <memory>

using namespace poolscope;
using namespace poolscope::test;

using std::chrono::milliseconds;

class TestBouncer : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void holdersAndTheirSessions();
    void waitingAndExhausted();
    void sessionMode();
    void aBusyClientIsNoLeak();
    void poolsAndSettings();
    void whoMayLook();
    void notPgBouncer();
    void nothingListens();
    void restart();
    void frozen();
    void toldFromAServer();
    void killOneClient();
    void killIsIdentityChecked();
    void killIsRefused();
    void changesFoldToAPicture();

private:
    /// A source with short waits.
    std::unique_ptr<PoolProbe> probe(const QString& url);
    PgClient client(const QString& database, const QString& name);
    static const Checkout* heldBy(const PoolProbe& probe, const char* application);
    const Pool* pool(const PoolProbe& probe, const char* name) const;

    PgCluster cluster_;
    PgBouncer bouncer_;
};

void TestBouncer::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here: packaging/fetch-postgres.sh brings some");
    if (!PgBouncer::available())
        QSKIP("no PgBouncer here");
    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
    QVERIFY(PgClient(cluster_.conninfo()).exec(QStringLiteral("CREATE ROLE app SUPERUSER LOGIN")));
    const QString server =
        QStringLiteral(" = host=127.0.0.1 dbname=postgres port=%1").arg(cluster_.port());
    QVERIFY2(
        bouncer_.start(
            {QStringLiteral("shop") + server,
             QStringLiteral("whole") + server + QStringLiteral(" pool_mode=session pool_size=3")},
            {QStringLiteral("pool_mode = transaction"), QStringLiteral("default_pool_size = 2"),
             QStringLiteral("query_wait_timeout = 77")}),
        qPrintable(bouncer_.error()));
    qInfo("PgBouncer %d", bouncer_.version());
}

std::unique_ptr<PoolProbe> TestBouncer::probe(const QString& url)
{
    auto made = std::make_unique<PoolProbe>(url);
    BouncerSource::Timings timings;
    timings.reach.connect = milliseconds{2000};
    timings.reach.silence = milliseconds{700};
    timings.reach.drop = milliseconds{2500};
    timings.reach.firstRetry = milliseconds{200};
    timings.reach.longestRetry = milliseconds{1000};
    timings.settings = milliseconds{2000};
    timings.answer = milliseconds{5000};
    timings.effect = milliseconds{5000};
    qobject_cast<BouncerSource*>(&made->source())->setTimings(timings);
    made->start();
    return made;
}

PgClient TestBouncer::client(const QString& database, const QString& name)
{
    return PgClient(bouncer_.conninfo(database) + QStringLiteral(" application_name=") + name);
}

const Checkout* TestBouncer::heldBy(const PoolProbe& probe, const char* application)
{
    for (const auto& [id, checkout] : probe.pools().checkouts) {
        if (checkout.acquired_by.str() == application)
            return &checkout;
    }
    return nullptr;
}

const Pool* TestBouncer::pool(const PoolProbe& probe, const char* name) const
{
    const auto found = probe.pools().pools.find(Text{name});
    return found == probe.pools().pools.end() ? nullptr : &found->second;
}

void TestBouncer::holdersAndTheirSessions()
{
    PgClient holder = client(QStringLiteral("shop"), QStringLiteral("cart"));
    QVERIFY2(holder.ok(), qPrintable(holder.error()));
    QVERIFY(holder.exec(QStringLiteral("BEGIN")));
    // The real one; what the pooler says at the start is made up.
    const int pid = holder.value(QStringLiteral("SELECT pg_backend_pid()")).toInt();
    QVERIFY(pid > 0 && pid != holder.pid());
    const auto watched = probe(bouncer_.url());
    QTRY_VERIFY(watched->up());
    const Checkout* held = heldBy(*watched, "cart");
    QVERIFY(held);
    QCOMPARE(held->server_pid.value_or(0), std::int64_t{pid});
    const QString port =
        PgClient(cluster_.conninfo())
            .value(
                QStringLiteral("SELECT client_port FROM pg_stat_activity WHERE pid = %1").arg(pid));
    QCOMPARE(int{held->local_port.value_or(0)}, port.toInt());
    QCOMPARE(held->tags.front().second.str(), "127.0.0.1:" + std::to_string(holder.localPort()));
    QCOMPARE(held->pool.str(), std::string{"shop/app"});
    QVERIFY(held->busy == std::optional{false});
    const Duration age = watched->state().theirs(*watched->state().last_sample) - held->acquired;
    QVERIFY2(age >= Duration{0} && age < std::chrono::seconds{30},
             std::to_string(to_us(age)).c_str());
    const Text id = held->key.id;

    // While a statement runs it is busy, in the same hold.
    QVERIFY(holder.send(QStringLiteral("SELECT pg_sleep(3)")));
    QTRY_VERIFY(heldBy(*watched, "cart") && heldBy(*watched, "cart")->busy == std::optional{true});
    QVERIFY(holder.finish());
    QTRY_VERIFY(heldBy(*watched, "cart") && heldBy(*watched, "cart")->busy == std::optional{false});
    QVERIFY(holder.exec(QStringLiteral("COMMIT")));
    QTRY_VERIFY(!heldBy(*watched, "cart"));
    QVERIFY(!watched->isOpen(id.str()));
    QCOMPARE(watched->pools().unmatched, std::uint64_t{0});
    QTRY_COMPARE(pool(*watched, "shop/app")->used.value_or(-1), std::int64_t{0});
    QVERIFY(pool(*watched, "shop/app")->idle.value_or(0) > 0);
}

void TestBouncer::waitingAndExhausted()
{
    const auto watched = probe(bouncer_.url(QStringLiteral("stats")));
    std::vector<PgClient> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(client(QStringLiteral("shop"), QStringLiteral("c%1").arg(i)));
        if (i < 2)
            QVERIFY(clients.back().exec(QStringLiteral("BEGIN; SELECT 1")));
        else
            QVERIFY(clients.back().send(QStringLiteral("SELECT 2")));
    }
    QTRY_VERIFY(pool(*watched, "shop/app") && pool(*watched, "shop/app")->pending == 3);
    const Pool& full = *pool(*watched, "shop/app");
    QCOMPARE(full.used.value_or(0), std::int64_t{2});
    QCOMPARE(full.max.value_or(0), std::int64_t{2});
    QCOMPARE(full.kind.str(), std::string{"pgbouncer"});
    QTRY_VERIFY(pool(*watched, "shop/app")->health.str().starts_with("one waits for "));
    QVERIFY(heldBy(*watched, "c0") && heldBy(*watched, "c1"));
    QVERIFY(!heldBy(*watched, "c2")); // it waits, and holds nothing
    QVERIFY(clients[0].exec(QStringLiteral("COMMIT")));
    for (int i = 2; i < 5; ++i)
        QVERIFY(clients[std::size_t(i)].finish());
    QTRY_COMPARE(pool(*watched, "shop/app")->pending.value_or(-1), std::int64_t{0});
    QVERIFY(clients[1].exec(QStringLiteral("COMMIT")));
    QTRY_VERIFY(watched->pools().checkouts.empty());
}

void TestBouncer::sessionMode()
{
    PgClient holder = client(QStringLiteral("whole"), QStringLiteral("report"));
    QVERIFY(holder.exec(QStringLiteral("SELECT 1")));
    const auto watched = probe(bouncer_.url());
    QTRY_VERIFY(watched->up() && heldBy(*watched, "report"));
    const Text id = heldBy(*watched, "report")->key.id;
    const int before = watched->samples;
    for (int i = 0; i < 20; ++i)
        QVERIFY(holder.exec(QStringLiteral("SELECT 1")));
    QTRY_VERIFY(watched->samples > before + 3);
    QVERIFY(watched->isOpen(id.str())); // however much it does
    // Held for hours it is no leak, at whatever threshold for all.
    Judging judging;
    judging.chosen = LeakThresholds{std::chrono::seconds{1}, std::chrono::seconds{2}};
    const auto later =
        watched->state().theirs(*watched->state().last_sample) + std::chrono::hours{5};
    for (const Place& place : find_places(watched->pools(), judging, later))
        QVERIFY2(place.pool.str() != "whole/app" || place.severity == LeakSeverity::none,
                 place.pool.str().c_str());
}

void TestBouncer::aBusyClientIsNoLeak()
{
    PgClient worker = client(QStringLiteral("shop"), QStringLiteral("worker"));
    const auto watched = probe(bouncer_.url());
    QTRY_VERIFY(watched->up());
    // One transaction upon another for some seconds, always on the one server.
    Duration longest{0};
    QElapsedTimer passed;
    passed.start();
    while (passed.elapsed() < 6000) {
        QVERIFY(worker.exec(QStringLiteral("BEGIN")));
        QVERIFY(worker.exec(QStringLiteral("SELECT pg_sleep(0.02)")));
        QVERIFY(worker.exec(QStringLiteral("COMMIT")));
        QCoreApplication::processEvents();
        if (const Checkout* const held = heldBy(*watched, "worker"))
            longest = std::max(longest, watched->state().theirs(*watched->state().last_sample) -
                                            held->acquired);
    }
    QVERIFY2(longest < std::chrono::milliseconds{3500}, std::to_string(to_us(longest)).c_str());
}

void TestBouncer::poolsAndSettings()
{
    PgClient holder = client(QStringLiteral("shop"), QStringLiteral("x"));
    QVERIFY(holder.exec(QStringLiteral("SELECT 1")));
    const auto watched = probe(bouncer_.url());
    QTRY_VERIFY(watched->up() && pool(*watched, "shop/app"));
    const Pool& shop = *pool(*watched, "shop/app");
    QCOMPARE(shop.database.str(), "127.0.0.1:" + std::to_string(cluster_.port()) + "/postgres");
    const auto setting = [&](const char* name) {
        for (const auto& [key, value] : shop.configuration) {
            if (key == name)
                return value;
        }
        return std::string{"-"};
    };
    QCOMPARE(setting("pool_mode"), std::string{"transaction"});
    QCOMPARE(setting("pool_size"), std::string{"2"});
    QCOMPARE(setting("query_wait_timeout"), std::string{"77"});
    QCOMPARE(setting("auth_file"), std::string{"-"});
    QVERIFY(!pool(*watched, "pgbouncer/pgbouncer")); // the console is no pool
    QVERIFY(!shop.timeouts && !shop.use_time && !shop.idle_min);
    QCOMPARE(shop.wait_time.has_value(), bouncer_.version() >= 12400);
    QCOMPARE(watched->reports, 1);
    QVERIFY(watched->pools().agent->agent.starts_with("PgBouncer 1."));
    QCOMPARE(watched->pools().agent->may_reclaim, bouncer_.version() >= 12400);
    // A paused database is told, when its settings are looked at again.
    PgClient admin(bouncer_.conninfo(QStringLiteral("pgbouncer"), QStringLiteral("adm")));
    QVERIFY2(admin.exec(QStringLiteral("PAUSE shop")), qPrintable(admin.error()));
    const auto resume = qScopeGuard([&] { admin.exec(QStringLiteral("RESUME shop")); });
    QTRY_COMPARE_WITH_TIMEOUT(pool(*watched, "shop/app") ? pool(*watched, "shop/app")->health.str()
                                                         : std::string{},
                              std::string{"paused"}, 10000);
}

void TestBouncer::whoMayLook()
{
    qputenv("PGPASSFILE", "/nonexistent");
    const auto forget = qScopeGuard([] { qunsetenv("PGPASSFILE"); });
    const auto wrong = probe(bouncer_.url(QStringLiteral("adm"), QStringLiteral("no")));
    QTRY_COMPARE(wrong->secrets.size(), 1);
    QCOMPARE(wrong->reach(), Reach::stopped);
    QVERIFY2(wrong->sentence().contains(QStringLiteral("refused the password for user \"adm\"")),
             qPrintable(wrong->sentence()));
    wrong->source().provideSecret(QStringLiteral("adm"));
    QTRY_VERIFY(wrong->up());

    const auto none = probe(QStringLiteral("pgbouncer://adm@127.0.0.1:%1").arg(bouncer_.port()));
    QTRY_COMPARE(none->secrets.size(), 1);
    QVERIFY(none->secrets.first().contains(QStringLiteral("wants a password")));
    none->source().provideSecret({});
    QCOMPARE(none->reach(), Reach::stopped);

    const auto outsider = probe(bouncer_.url(QStringLiteral("app")));
    QTRY_COMPARE(outsider->reach(), Reach::stopped);
    QVERIFY2(
        outsider->sentence().contains(QStringLiteral("does not let user \"app\" into its console")),
        qPrintable(outsider->sentence()));
    QVERIFY(outsider->nextStep().contains(QStringLiteral("stats_users")));
    QVERIFY(outsider->secrets.isEmpty());

    const auto stats = probe(bouncer_.url(QStringLiteral("stats")));
    QTRY_VERIFY(stats->up());
    QVERIFY(stats->pools().agent && !stats->pools().agent->may_reclaim);
}

void TestBouncer::notPgBouncer()
{
    const auto server = probe(QStringLiteral("pgbouncer://app@127.0.0.1:%1").arg(cluster_.port()));
    QTRY_COMPARE(server->reach(), Reach::stopped);
    QVERIFY2(server->sentence().contains(QStringLiteral("is not PgBouncer")),
             qPrintable(server->sentence()));
    PgClient admin(cluster_.conninfo());
    QVERIFY(admin.exec(QStringLiteral("CREATE DATABASE pgbouncer")));
    const auto named = probe(QStringLiteral("pgbouncer://app@127.0.0.1:%1").arg(cluster_.port()));
    QTRY_COMPARE(named->reach(), Reach::stopped);
    QVERIFY2(named->sentence().contains(QStringLiteral("is not PgBouncer")),
             qPrintable(named->sentence()));
    QCOMPARE(named->samples, 0);
    const auto wait = qScopeGuard([&] { admin.exec(QStringLiteral("DROP DATABASE pgbouncer")); });
}

void TestBouncer::nothingListens()
{
    QTcpServer free;
    QVERIFY(free.listen(QHostAddress::LocalHost));
    const quint16 port = free.serverPort();
    free.close();
    const auto watched = probe(QStringLiteral("pgbouncer://adm@127.0.0.1:%1").arg(port));
    QTRY_COMPARE(watched->reach(), Reach::failing);
    QCOMPARE(watched->sentence(), QStringLiteral("Nothing listens at 127.0.0.1:%1.").arg(port));
    QTcpServer late;
    QVERIFY(late.listen(QHostAddress::LocalHost, port));
    QTRY_VERIFY(late.hasPendingConnections()); // it went on trying
    QCOMPARE(watched->failing, 1);             // and said so once
}

void TestBouncer::restart()
{
    const auto watched = probe(bouncer_.url());
    PgClient holder = client(QStringLiteral("shop"), QStringLiteral("gone"));
    QVERIFY(holder.exec(QStringLiteral("BEGIN; SELECT 1")));
    QTRY_VERIFY(watched->up() && heldBy(*watched, "gone"));
    QVERIFY(bouncer_.stop());
    QTRY_COMPARE(watched->reach(), Reach::failing);
    QCOMPARE(watched->gaps, 1);
    const int full = watched->fullSamples;
    QVERIFY2(bouncer_.resume(), qPrintable(bouncer_.error()));
    QTRY_COMPARE_WITH_TIMEOUT(watched->reach(), Reach::up, 10000);
    QTRY_COMPARE(watched->fullSamples, full + 1);
    QVERIFY(!heldBy(*watched, "gone")); // the picture is of the new process
}

void TestBouncer::frozen()
{
    const auto watched = probe(bouncer_.url());
    QTRY_VERIFY(watched->up());
    // A busy machine stretches the pace, and between two polls nobody is missed.
    QTimer nudge;
    connect(&nudge, &QTimer::timeout, watched.get(), [&watched] {
        if (watched->reach() == Reach::up)
            watched->source().sampleNow();
    });
    nudge.start(100);
    bouncer_.freeze();
    const auto thaw = qScopeGuard([this] { bouncer_.thaw(); });
    QTRY_COMPARE(watched->reach(), Reach::failing);
    QVERIFY2(watched->sentence().startsWith(QStringLiteral("No answer from 127.0.0.1:")),
             qPrintable(watched->sentence()));
    QCOMPARE(watched->gaps, 1);
    bouncer_.thaw();
    QTRY_COMPARE_WITH_TIMEOUT(watched->reach(), Reach::up, 10000);
    const int samples = watched->samples;
    QTRY_VERIFY(watched->samples > samples);
}

void TestBouncer::toldFromAServer()
{
    qputenv("PGPASSWORD", "adm");
    const auto forget = qScopeGuard([] { qunsetenv("PGPASSWORD"); });
    // Its console, and a database behind it.
    for (const bool console : {true, false}) {
        if (!console)
            qputenv("PGPASSWORD", "app");
        SourceProbe server(
            QStringLiteral("postgresql://%1@127.0.0.1:%2/%3")
                .arg(console ? QStringLiteral("adm") : QStringLiteral("app"))
                .arg(bouncer_.port())
                .arg(console ? QStringLiteral("pgbouncer") : QStringLiteral("shop")));
        server.start();
        QTRY_COMPARE_WITH_TIMEOUT(server.reach(), Reach::stopped, 8000);
        const QString url = console ? QStringLiteral("pgbouncer://adm@127.0.0.1:%1")
                                    : QStringLiteral("pgbouncer://127.0.0.1:%1");
        QVERIFY2(server.nextStep().contains(url.arg(bouncer_.port())),
                 qPrintable(server.sentence() + QLatin1Char(' ') + server.nextStep()));
        QCOMPARE(server.samples, 0);
    }
}

void TestBouncer::killOneClient()
{
    if (bouncer_.version() < 12400)
        QSKIP("this PgBouncer cannot end one client: 1.24 can");
    PgClient leaked = client(QStringLiteral("shop"), QStringLiteral("leaked"));
    PgClient other = client(QStringLiteral("shop"), QStringLiteral("other"));
    QVERIFY(leaked.exec(QStringLiteral("BEGIN; SELECT 1")));
    QVERIFY(other.exec(QStringLiteral("BEGIN; SELECT 1")));
    const auto watched = probe(bouncer_.url());
    QTRY_VERIFY(watched->up() && heldBy(*watched, "leaked") && heldBy(*watched, "other"));
    const ActionId action =
        watched->execute(ActionVerb::reclaim, heldBy(*watched, "leaked")->key.id.str());
    QTRY_COMPARE(watched->phases(action), QStringLiteral("sent accepted observed"));
    QVERIFY(!leaked.exec(QStringLiteral("SELECT 1")));
    QVERIFY2(other.exec(QStringLiteral("COMMIT")),
             qPrintable(other.error())); // nobody else felt it
    QTRY_VERIFY(!heldBy(*watched, "leaked"));
    // The database is not paused, as KILL would leave it.
    PgClient next = client(QStringLiteral("shop"), QStringLiteral("next"));
    QCOMPARE(next.value(QStringLiteral("SELECT 7")), QStringLiteral("7"));
}

void TestBouncer::killIsIdentityChecked()
{
    if (bouncer_.version() < 12400)
        QSKIP("this PgBouncer cannot end one client: 1.24 can");
    PgClient holder = client(QStringLiteral("shop"), QStringLiteral("fickle"));
    QVERIFY(holder.exec(QStringLiteral("BEGIN; SELECT 1")));
    const auto watched = probe(bouncer_.url());
    watched->source().setInterval(std::chrono::hours{1}); // it looks once
    QTRY_VERIFY(watched->up() && heldBy(*watched, "fickle"));
    const std::string id = heldBy(*watched, "fickle")->key.id.str();
    // Meanwhile it went on, into another transaction of a later second.
    const QString second = QStringLiteral("SELECT extract(epoch FROM date_trunc('second', now()))");
    QVERIFY(holder.exec(QStringLiteral("COMMIT")));
    PgClient clock(cluster_.conninfo());
    const QString before = clock.value(second);
    QTRY_VERIFY(clock.value(second) != before);
    QVERIFY(holder.exec(QStringLiteral("BEGIN; SELECT 1")));
    const ActionId action = watched->execute(ActionVerb::reclaim, id);
    QTRY_COMPARE(watched->phases(action), QStringLiteral("refused"));
    QVERIFY2(watched->outcome(action).contains(QStringLiteral("has gone on since")),
             qPrintable(watched->outcome(action)));
    QVERIFY(holder.exec(QStringLiteral("COMMIT")));
}

void TestBouncer::killIsRefused()
{
    PgClient holder = client(QStringLiteral("shop"), QStringLiteral("held"));
    QVERIFY(holder.exec(QStringLiteral("BEGIN; SELECT 1")));
    const int pid = holder.value(QStringLiteral("SELECT pg_backend_pid()")).toInt();
    const bool old = bouncer_.version() < 12400;
    const auto watched = probe(bouncer_.url(old ? QStringLiteral("adm") : QStringLiteral("stats")));
    QTRY_VERIFY(watched->up() && heldBy(*watched, "held"));
    const ActionId action =
        watched->execute(ActionVerb::reclaim, heldBy(*watched, "held")->key.id.str());
    QTRY_COMPARE(watched->phases(action), QStringLiteral("refused"));
    const QString words = watched->outcome(action);
    QVERIFY2(words.contains(old ? QStringLiteral("cannot end one client")
                                : QStringLiteral("may only look")),
             qPrintable(words));
    QVERIFY2(words.contains(QStringLiteral("terminate session %1").arg(pid)), qPrintable(words));
    const ActionId cancel = watched->execute(ActionVerb::cancel, {});
    QTRY_COMPARE(watched->phases(cancel), QStringLiteral("refused"));
    QVERIFY(holder.exec(QStringLiteral("COMMIT"))); // it was left alone
}

void TestBouncer::changesFoldToAPicture()
{
    // What the changes add up to is what somebody sees who looks now for the first time.
    const auto watched = probe(bouncer_.url());
    QTRY_VERIFY(watched->up());
    std::vector<PgClient> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(client(QStringLiteral("whole"), QStringLiteral("w%1").arg(i)));
        QVERIFY(clients.back().exec(QStringLiteral("SELECT 1")));
    }
    clients.erase(clients.begin());
    PgClient holder = client(QStringLiteral("shop"), QStringLiteral("held"));
    QVERIFY(holder.exec(QStringLiteral("BEGIN; SELECT 1")));
    QTRY_COMPARE(watched->pools().checkouts.size(), std::size_t{3});
    const auto fresh = probe(bouncer_.url(QStringLiteral("stats")));
    QTRY_VERIFY(fresh->up());
    QTRY_COMPARE(fresh->pools().checkouts.size(), std::size_t{3});
    for (const auto& [id, checkout] : fresh->pools().checkouts) {
        QVERIFY2(watched->isOpen(id.str()), id.str().c_str());
        const Checkout& known = watched->checkout(id.str());
        QVERIFY(known.server_pid == checkout.server_pid && known.tags == checkout.tags);
    }
    QTRY_VERIFY(watched->pools().connections == fresh->pools().connections);
}

QTEST_GUILESS_MAIN(TestBouncer)
#include "tst_bouncer.moc"
