// SPDX-License-Identifier: GPL-3.0-or-later
// The bad nights: a server that crashes while it answers, slows down, is full to the last slot, or
// hangs up; sessions that are nobody's to end.
#include "tests/integration/sourceprobe.h"
#include "tests/support/pgcluster.h"
#include "tests/support/slowproxy.h"

#include <QTest>

#include <algorithm>
#include <csignal>
#include <memory>
#include <numeric>

using namespace poolscope;
using namespace poolscope::test;

class TestPgIncidents : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void crashInMidPoll();
    void slowServer();
    void connectionCut();
    void walsenders();
    void reservedSlots();
    void fullToTheLastSlot();
    void limitOfARole();
    void hostileWords();

private:
    QString info(const char* user = "postgres") const
    {
        return cluster_.conninfo(QStringLiteral("postgres"), QString::fromLatin1(user));
    }
    QString through(const SlowProxy& proxy) const
    {
        return QStringLiteral("host=127.0.0.1 port=%1 dbname=postgres user=postgres")
            .arg(proxy.port());
    }
    static int ownPid(const SourceProbe& probe);
    static bool said(const SourceProbe& probe, const char* words);
    /// Ordinary clients until the server takes no more of that user.
    std::vector<std::unique_ptr<PgClient>> fill(const char* user) const;

    PgCluster cluster_;
};

int TestPgIncidents::ownPid(const SourceProbe& probe)
{
    for (const auto& [pid, session] : probe.state().sessions) {
        if (session.own)
            return static_cast<int>(pid.value);
    }
    return 0;
}

bool TestPgIncidents::said(const SourceProbe& probe, const char* words)
{
    for (const Fact& fact : probe.facts) {
        const auto* const status = std::get_if<StatusChanged>(&fact);
        if (status && status->status.sentence.find(words) != std::string::npos)
            return true;
    }
    return false;
}

std::vector<std::unique_ptr<PgClient>> TestPgIncidents::fill(const char* user) const
{
    std::vector<std::unique_ptr<PgClient>> crowd;
    for (int i = 0; i < 60; ++i) {
        auto client = std::make_unique<PgClient>(info(user));
        if (!client->ok())
            break;
        crowd.push_back(std::move(client));
    }
    return crowd;
}

void TestPgIncidents::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here: packaging/fetch-postgres.sh brings some");
    PgCluster::Options options;
    options.settings = {QStringLiteral("max_connections = 20"),
                        QStringLiteral("superuser_reserved_connections = 3"),
                        QStringLiteral("wal_level = replica"),
                        QStringLiteral("max_wal_senders = 4"),
                        QStringLiteral("track_activity_query_size = 100000")};
    QVERIFY2(cluster_.start(options), qPrintable(cluster_.error()));
    PgClient admin(info());
    QVERIFY(admin.exec(QStringLiteral("CREATE ROLE plain LOGIN")));
    QVERIFY(admin.exec(QStringLiteral("CREATE ROLE lonely LOGIN CONNECTION LIMIT 1")));
    if (cluster_.versionNumber() >= 160000) {
        QVERIFY(admin.exec(QStringLiteral("CREATE ROLE keeper LOGIN IN ROLE "
                                          "pg_use_reserved_connections")));
        QVERIFY(admin.exec(QStringLiteral("ALTER SYSTEM SET reserved_connections = 2")));
        QVERIFY(cluster_.stop() && cluster_.resume());
    }
    cluster_.addHba(QStringLiteral("host replication all 127.0.0.1/32 trust"));
}

void TestPgIncidents::crashInMidPoll()
{
    PgClient other(info());
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.up() && ownPid(probe) != 0);
    const int pid = ownPid(probe);
    QCOMPARE(::kill(pid, SIGSTOP), 0);
    // Only a poll that is under way is missed so: its process holds it and does not answer.
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.sentence().startsWith(QStringLiteral("No answer from")),
             qPrintable(probe.sentence()));
    const int samples = probe.samples, full = probe.fullSamples;
    // It dies before it reads on, and the server restarts all of its processes.
    QCOMPARE(::kill(pid, SIGQUIT), 0);
    QCOMPARE(::kill(pid, SIGCONT), 0);
    QTRY_VERIFY(said(probe, "ended the connection") || said(probe, "was cut"));
    QCOMPARE(probe.samples, samples);
    QTRY_VERIFY_WITH_TIMEOUT(probe.reach() == Reach::up && probe.samples > samples, 15000);
    QCOMPARE(probe.fullSamples, full + 1);
    QCOMPARE(probe.gaps, 1);
    QVERIFY(!probe.session(other.pid())); // it died with the rest
    QVERIFY(probe.orderly && !probe.state().gap_since_sample);
}

void TestPgIncidents::slowServer()
{
    SlowProxy proxy(cluster_.port());
    SourceProbe probe(through(proxy));
    probe.start();
    QTRY_VERIFY(probe.up());
    probe.source().setInterval(std::chrono::seconds{1});
    // Polls as fast as they are answered, so that its judgement has something to go by.
    const auto saysSlow = [&] {
        probe.source().sampleNow();
        return probe.sentence().contains(QStringLiteral("slow to answer"));
    };
    proxy.setDelay(std::chrono::milliseconds{300}); // over a fifth of the interval
    QTRY_VERIFY_WITH_TIMEOUT(saysSlow(), 30000);
    QCOMPARE(probe.reach(), Reach::up);
    QCOMPARE(probe.gaps, 0);
    proxy.setDelay(std::chrono::milliseconds{0});
    QTRY_VERIFY_WITH_TIMEOUT(!saysSlow(), 30000);
}

void TestPgIncidents::connectionCut()
{
    SlowProxy proxy(cluster_.port());
    SourceProbe probe(through(proxy));
    probe.start();
    QTRY_VERIFY(probe.up());
    const int full = probe.fullSamples;
    proxy.cut();
    QTRY_COMPARE(probe.gaps, 1);
    QVERIFY2(said(probe, "was cut"), qPrintable(probe.sentence()));
    QTRY_COMPARE(probe.reach(), Reach::up);
    QTRY_COMPARE(probe.fullSamples, full + 1);
    QCOMPARE(proxy.accepted, 2);
}

void TestPgIncidents::walsenders()
{
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.up());
    PgClient known(info() + QStringLiteral(" replication=true"));
    QVERIFY2(known.ok(), qPrintable(known.error()));
    QTRY_VERIFY(probe.session(known.pid()));
    QCOMPARE(probe.session(known.pid())->backend_type.str(), std::string("walsender"));
    QVERIFY(!probe.session(known.pid())->is_client()); // so that no bulk takes it
    // Up to PostgreSQL 11 it takes a slot all the same.
    const auto& sessions = probe.state().sessions;
    const auto clients = std::count_if(sessions.begin(), sessions.end(),
                                       [](const auto& each) { return each.second.is_client(); });
    const auto& counts = probe.state().counts;
    QCOMPARE(std::accumulate(counts.begin(), counts.end(), 0),
             static_cast<int>(clients) + (cluster_.versionNumber() < 120000 ? 1 : 0));
    const ActionId act = probe.execute(ActionVerb::terminate, probe.keyOf(known.pid()));
    QCOMPARE(probe.phases(act), QStringLiteral("refused"));
    QVERIFY(probe.outcome(act).contains(QStringLiteral("walsender")));

    // One that was never listed: the server compares too, in the statement that would signal.
    probe.source().setInterval(std::chrono::hours{1});
    const int samples = probe.samples;
    PgClient late(info() + QStringLiteral(" replication=database"));
    PgClient admin(info());
    const QString started = admin.value(
        QStringLiteral("SELECT (extract(epoch FROM backend_start) * 1000000)::bigint FROM"
                       " pg_stat_get_activity(%1)")
            .arg(late.pid()));
    const SessionKey key{TargetId{1}, Pid{late.pid()}, timestamp_from_us(started.toLongLong())};
    const ActionId unseen = probe.execute(ActionVerb::terminate, key);
    QTRY_COMPARE(probe.phases(unseen), QStringLiteral("sent refused"));
    QVERIFY2(probe.outcome(unseen).contains(QStringLiteral("not a client's session")),
             qPrintable(probe.outcome(unseen)));
    QVERIFY(probe.samples <= samples + 1);
    QVERIFY(known.exec(QStringLiteral("IDENTIFY_SYSTEM")));
    QVERIFY(late.exec(QStringLiteral("IDENTIFY_SYSTEM")));
}

void TestPgIncidents::reservedSlots()
{
    const auto crowd = fill("plain");
    QVERIFY(crowd.size() > 5);
    SourceProbe plain(info("plain"));
    plain.start();
    QTRY_COMPARE(plain.reach(), Reach::failing);
    QVERIFY2(plain.sentence().contains(QStringLiteral("no free slot for user \"plain\"")),
             qPrintable(plain.sentence()));
    QVERIFY2(plain.nextStep().contains(QStringLiteral("attach as a superuser")),
             qPrintable(plain.nextStep()));
    QVERIFY(plain.nextStep().contains(QStringLiteral("every 2 s")));
    QVERIFY(plain.state().status.next_try.has_value());
    if (cluster_.versionNumber() >= 160000) {
        QVERIFY2(plain.nextStep().contains(QStringLiteral("pg_use_reserved_connections")),
                 qPrintable(plain.nextStep()));
        SourceProbe keeper(info("keeper"));
        keeper.start();
        QTRY_VERIFY2(keeper.up(), qPrintable(keeper.sentence()));
        QCOMPARE(keeper.state().facts->reserved, std::optional<std::int32_t>(5));
    }
    SourceProbe superuser(info());
    superuser.start();
    QTRY_VERIFY2(superuser.up(), qPrintable(superuser.sentence()));
    // It goes on trying, and says so once.
    QTRY_VERIFY_WITH_TIMEOUT(cluster_.log().count(QStringLiteral("connection slots are")) >= 3,
                             10000);
    QCOMPARE(plain.failing, 1);
}

void TestPgIncidents::fullToTheLastSlot()
{
    SourceProbe early(info());
    early.start();
    QTRY_VERIFY(early.up());
    auto crowd = fill("plain");
    auto superusers = fill("postgres");
    QVERIFY(!crowd.empty() && !superusers.empty());
    SourceProbe late(info());
    late.start();
    QTRY_COMPARE(late.reach(), Reach::failing);
    QVERIFY2(late.nextStep().contains(QStringLiteral("Even the reserved slots are taken")),
             qPrintable(late.sentence() + late.nextStep()));
    // The one that is attached needs no slot to act, and the other one then gets in.
    const int victim = crowd.front()->pid();
    QTRY_VERIFY(early.session(victim));
    const ActionId act = early.execute(ActionVerb::terminate, early.keyOf(victim));
    QTRY_COMPARE(early.phases(act), QStringLiteral("sent accepted observed"));
    QTRY_VERIFY_WITH_TIMEOUT(late.up(), 8000);
    QCOMPARE(late.failing, 1);
}

void TestPgIncidents::limitOfARole()
{
    PgClient first(info("lonely"));
    QTRY_VERIFY(first.ok());
    SourceProbe probe(info("lonely"));
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.nextStep().contains(QStringLiteral("CONNECTION LIMIT")),
             qPrintable(probe.sentence() + probe.nextStep()));
    first = PgClient();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 8000);
}

void TestPgIncidents::hostileWords()
{
    const QString nasty =
        QString::fromUtf8("<b>x</b>\x1b[31m\u202Egnp\u2066\u200B\u0007") + QString(3000, u'y');
    const auto plain = [](const QString& text) {
        return std::none_of(text.begin(), text.end(), [](QChar c) {
            return c.unicode() < 0x20 || c.unicode() == 0x7F || c.unicode() == 0x202E ||
                   c.unicode() == 0x2066 || c.unicode() == 0x200B;
        });
    };
    // What the server says about a database and a role that it does not have.
    for (const char* key : {"dbname", "user"}) {
        SourceProbe probe(info() + QStringLiteral(" %1='%2'").arg(QLatin1String(key), nasty));
        probe.start();
        QTRY_COMPARE(probe.reach(), Reach::stopped);
        QVERIFY(plain(probe.sentence()) && plain(probe.nextStep()));
        QVERIFY2(probe.sentence().size() < 1500, qPrintable(probe.sentence()));
        QVERIFY(plain(QString::fromStdString(probe.source().info().name)));
    }
    // A name of 10,000 characters, HTML that stays what it is, a statement past every bound.
    PgClient odd(info());
    QVERIFY(odd.exec(QStringLiteral("SET application_name = '%1'").arg(QString(10000, u'z'))));
    PgClient html(info() + QStringLiteral(" application_name='<img src=x>&amp;'"));
    QVERIFY(html.exec(QStringLiteral("SELECT '%1'").arg(QString(90000, u'q'))));
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.up() && probe.session(html.pid()));
    QVERIFY(probe.session(odd.pid())->application.str().size() <= 256);
    QCOMPARE(probe.session(html.pid())->application.str(), std::string("<img src=x>&amp;"));
    const std::size_t length = probe.session(html.pid())->statement.str().size();
    QVERIFY2(length > 60000 && length <= 64 * 1024 + 3, qPrintable(QString::number(length)));
}

QTEST_GUILESS_MAIN(TestPgIncidents)
#include "tst_pgincidents.moc"
