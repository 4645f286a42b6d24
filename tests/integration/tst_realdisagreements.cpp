// SPDX-License-Identifier: GPL-3.0-or-later
// What real pools and their real server say differently of the same connections: a connection that
// the pool dropped and the server still has (orphan), one opened past the pool (bypass), one that
// the server ended and the pool still lists (lost), a statement that outlives its process; live and
// from a recording. And a pool that does nothing wrong, of which nothing is said.
#include "core/capture/workspace.h"
#include "tests/support/clijson.h"
#include "tests/support/mariadb.h"
#include "tests/support/pgcluster.h"
#include "tests/support/pythonapp.h"
#include "tests/support/say.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <memory>
#include <set>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

/// A server of either kind, and how it is asked.
class Server
{
public:
    virtual ~Server() = default;
    virtual QString target() const = 0;
    virtual QString applications(const char* name) const = 0; ///< their URL
    virtual QString ask(const QString& sql) = 0;
    /// The session of that application which runs a statement, or the last that it opened.
    virtual QString running(const char* name) = 0;
    virtual QString last(const char* name) = 0;
    /// Ends all of that application's; false where some are still there after a while.
    virtual bool end(const char* name) = 0;
    virtual int count(const char* name) = 0;
};

class Postgres final : public Server
{
public:
    explicit Postgres(const PgCluster& cluster)
        : cluster_(cluster)
        , admin_(cluster.conninfo())
    {}
    QString target() const override { return cluster_.uri(); }
    QString applications(const char* name) const override
    {
        return say("postgresql+psycopg2://postgres@127.0.0.1:%1/postgres?application_name=%2")
            .arg(cluster_.port())
            .arg(say(name));
    }
    QString ask(const QString& sql) override { return admin_.value(sql); }
    QString running(const char* name) override
    {
        return ask(say("SELECT pid FROM pg_stat_activity WHERE application_name = '%1' "
                       "AND state = 'active'")
                       .arg(say(name)));
    }
    QString last(const char* name) override
    {
        return ask(say("SELECT pid FROM pg_stat_activity WHERE application_name = '%1' "
                       "ORDER BY backend_start DESC LIMIT 1")
                       .arg(say(name)));
    }
    bool end(const char* name) override
    {
        ask(say("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = '%1'")
                .arg(say(name)));
        return QTest::qWaitFor([&] { return count(name) == 0; }, 20'000);
    }
    int count(const char* name) override
    {
        return ask(say("SELECT count(*) FROM pg_stat_activity WHERE application_name = '%1'")
                       .arg(say(name)))
            .toInt();
    }

private:
    const PgCluster& cluster_;
    PgClient admin_;
};

class MySql final : public Server
{
public:
    explicit MySql(const MariaDb& server)
        : server_(server)
        , admin_(server, "admin")
        , holder_(server, "admin", "holder")
    {
        // The row that slow statements wait for.
        admin_.exec(say("CREATE TABLE stock (id INT PRIMARY KEY, units INT)"));
        admin_.exec(say("INSERT INTO stock VALUES (1, 10)"));
        holder_.exec(say("BEGIN"));
        holder_.exec(say("UPDATE stock SET units = 9 WHERE id = 1"));
    }
    QString target() const override { return server_.url(); }
    QString applications(const char* name) const override
    {
        return say("mysql+pymysql://app@127.0.0.1:%1/shop?program_name=%2")
            .arg(server_.port())
            .arg(say(name));
    }
    QString ask(const QString& sql) override { return admin_.value(sql); }
    QString running(const char* name) override
    {
        return ask(of("a.PROCESSLIST_ID", name) + say(" AND p.COMMAND = 'Query'"));
    }
    QString last(const char* name) override { return ask(of("MAX(a.PROCESSLIST_ID)", name)); }
    bool end(const char* name) override
    {
        // It goes when it goes.
        return QTest::qWaitFor(
            [&] {
                const QString id = last(name);
                if (id.toLongLong() > 0)
                    admin_.exec(say("KILL ") + id);
                return count(name) == 0;
            },
            20'000);
    }
    int count(const char* name) override { return ask(of("COUNT(*)", name)).toInt(); }

private:
    static QString of(const char* what, const char* name)
    {
        return say("SELECT %1 FROM performance_schema.session_connect_attrs a "
                   "JOIN information_schema.processlist p ON p.ID = a.PROCESSLIST_ID "
                   "WHERE a.ATTR_NAME = 'program_name' AND a.ATTR_VALUE = '%2'")
            .arg(say(what), say(name));
    }
    const MariaDb& server_;
    MariaClient admin_, holder_;
};

/// What a window would be told of a server and some processes.
class Watch
{
public:
    /// `blameless`: applications and targets of which nothing may be said, ever.
    Watch(const QStringList& targets, std::set<std::string> blameless)
        : blameless_(std::move(blameless))
        , targets_(static_cast<std::size_t>(targets.size()))
    {
        Workspace::Options options;
        options.temporaryFolder = folder_.path();
        workspace_ = std::make_unique<Workspace>(options);
        QObject::connect(workspace_.get(), &Workspace::updated, workspace_.get(),
                         [this](const UpdatePtr& update) { look(update); });
        for (const QString& target : targets) {
            AttachRequest request;
            request.target = target;
            request.interval = 300ms;
            workspace_->attach(request);
        }
    }
    /// Everything has been seen once.
    bool complete() const
    {
        if (!last_ || last_->targets.size() != targets_)
            return false;
        for (const TargetSummary& each : last_->targets)
            if (!each.last_sample || each.status.reach != Reach::up)
                return false;
        return true;
    }
    /// Judged after a second, so that the bypass is due as soon as the rest.
    void judgeSoon()
    {
        for (const TargetSummary& each : last_->targets)
            workspace_->setThresholds(each.info.id, {1s, 300s});
    }
    /// "orphan 4711", "bypass 4712"; sorted.
    QStringList found() const
    {
        QStringList all;
        for (const TargetSummary& target : last_->targets)
            for (const SuspectedLeak& leak : target.suspects)
                if (leak.kind == LeakKind::orphan || leak.kind == LeakKind::bypass)
                    all += say("%1 %2")
                               .arg(QString::fromStdString(std::string(name_of(leak.kind))))
                               .arg(leak.session.pid.value);
        all.sort();
        return all;
    }
    std::size_t lost() const
    {
        std::size_t all = 0;
        for (const TargetSummary& target : last_->targets)
            all += target.lost_connections.size();
        return all;
    }
    /// Whether a session of that number was seen at a statement, and lent by its pool.
    bool saw(qint64 pid) const { return running_.contains(pid) && lent_.contains(pid); }
    /// What was said of what is blameless.
    const QStringList& slander() const { return slander_; }
    bool save(const QString& file)
    {
        QSignalSpy saved(workspace_.get(), &Workspace::saved);
        workspace_->save(file);
        return QTest::qWaitFor([&saved] { return saved.count() > 0; }, 20'000);
    }

private:
    void look(const UpdatePtr& update)
    {
        last_ = update;
        for (const SessionRow& row : update->changed)
            if (row.session.state == SessionState::active ||
                row.session.state == SessionState::waiting)
                running_.insert(row.session.key.pid.value);
        for (const Checkout& checkout : update->checkouts)
            if (checkout.server_pid)
                lent_.insert(*checkout.server_pid);
        for (const TargetSummary& target : update->targets) {
            for (const SuspectedLeak& leak : target.suspects)
                if (blameless_.contains(leak.group) || blameless_.contains(leak.process.str()))
                    slander_ += say("%1 of %2")
                                    .arg(QString::fromStdString(std::string(name_of(leak.kind))),
                                         QString::fromStdString(leak.group));
            if (blameless_.contains(target.info.url) && !target.lost_connections.empty())
                slander_ += say("lost connections of ") + QString::fromStdString(target.info.url);
        }
    }

    QTemporaryDir folder_;
    std::set<std::string> blameless_;
    std::size_t targets_;
    UpdatePtr last_;
    QStringList slander_;
    std::set<std::int64_t> running_, lent_; ///< by the server's numbers
    std::unique_ptr<Workspace> workspace_;  // its updates end first
};

} // namespace

class TestRealDisagreements : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void onPostgres();
    void onMySql();

private:
    void run(Server& server);
    void checkRecording(const QString& file, const QString& orphan, const QString& bypass,
                        const QString& lost) const;
    bool start(PythonApp& app, const char* name, const Server& server) const;

    QTemporaryDir dir_{say("/tmp/psd-XXXXXX")};
};

void TestRealDisagreements::initTestCase()
{
    if (!PythonApp::available())
        QSKIP("no Python with SQLAlchemy can be had here");
}

void TestRealDisagreements::onPostgres()
{
    if (!PgCluster::available())
        QSKIP("this needs a PostgreSQL server");
    PgCluster cluster;
    QVERIFY2(cluster.start(), qPrintable(cluster.error()));
    Postgres server(cluster);
    run(server);
}

void TestRealDisagreements::onMySql()
{
    if (!MariaDb::available())
        QSKIP("this needs a MariaDB or MySQL server");
    MariaDb database;
    QVERIFY2(database.start({}), qPrintable(database.error()));
    MySql server(database);
    run(server);
}

bool TestRealDisagreements::start(PythonApp& app, const char* name, const Server& server) const
{
    return app.start("shopapp.py", {server.applications(name), say(name), say("--size"), say("2")},
                     dir_.filePath(say(name) + say(".sock")));
}

void TestRealDisagreements::run(Server& server)
{
    PythonApp orphan, bypass, lost, healthy, killed;
    QVERIFY(start(orphan, "orphan", server) && start(bypass, "bypass", server));
    QVERIFY(start(lost, "lost", server) && start(healthy, "healthy", server));
    QVERIFY(start(killed, "killed", server));
    Watch watch({server.target(), orphan.pool(), bypass.pool(), lost.pool(), healthy.pool()},
                {"healthy", "lost", "killed", healthy.pool().toStdString(),
                 orphan.pool().toStdString(), bypass.pool().toStdString()});
    // One that goes would silence the others: which of its sessions are whose is then not known.
    Watch grave({server.target(), killed.pool()}, {"orphan", "bypass", "lost", "healthy"});
    QTRY_VERIFY_WITH_TIMEOUT(watch.complete() && grave.complete(), 20'000);
    watch.judgeSoon();

    QVERIFY(healthy.tell("work"));
    QVERIFY(orphan.tell("timeout"));
    const QString orphaned = server.running("orphan");
    QVERIFY(orphaned.toInt() > 0); // the server goes on
    QVERIFY(bypass.tell("beside"));
    const QString beside = server.last("bypass");
    QCOMPARE(server.count("bypass"), 3);
    QVERIFY(lost.tell("lend"));
    QCOMPARE(server.count("lost"), 2);
    QVERIFY(server.end("lost"));
    QVERIFY(killed.tell("run"));
    QTRY_VERIFY(server.running("killed").toInt() > 0);
    const QString survivor = server.running("killed");
    QTRY_VERIFY_WITH_TIMEOUT(grave.saw(survivor.toLongLong()), 20'000);
    killed.kill();

    const QStringList all{say("bypass ") + beside, say("orphan ") + orphaned};
    QTRY_COMPARE_WITH_TIMEOUT(watch.found().join(u' '), all.join(u' '), 25'000);
    QTRY_COMPARE_WITH_TIMEOUT(watch.lost(), std::size_t{2}, 10'000);
    QTRY_COMPARE_WITH_TIMEOUT(grave.found(), QStringList{say("orphan ") + survivor}, 30'000);
    QVERIFY2(watch.slander().isEmpty() && grave.slander().isEmpty(),
             qPrintable((watch.slander() + grave.slander()).join(say(", "))));

    const QString file = dir_.filePath(say("run.poolrec"));
    QVERIFY(watch.save(file));
    checkRecording(file, orphaned, beside, lost.pool());
    if (QTest::currentTestFailed())
        return;
    // What was found is over when it is over.
    QVERIFY(server.end("orphan"));
    QVERIFY(server.end("bypass"));
    QTRY_VERIFY_WITH_TIMEOUT(watch.found().isEmpty(), 10'000);
}

void TestRealDisagreements::checkRecording(const QString& file, const QString& orphan,
                                           const QString& bypass, const QString& lost) const
{
    const QJsonArray leaks = told({say("leaks"), file});
    int found = 0;
    for (const QJsonValue& each : leaks) {
        const QJsonObject leak = each.toObject();
        const QString kind = leak[say("kind")].toString();
        const QString words = evidenceOf(leak);
        if (leak[say("session")].toObject()[say("application")].toString() == say("holder"))
            continue;
        if (kind == say("orphan")) {
            QCOMPARE(leak[say("server_pid")].toInt(), orphan.toInt());
            QVERIFY2(words.contains(say("It was a connection of pool orphan of ")) &&
                         words.contains(say("The server still has it.")),
                     qPrintable(words));
        } else if (kind == say("bypass")) {
            QCOMPARE(leak[say("server_pid")].toInt(), bypass.toInt());
            QVERIFY2(words.contains(say("2 connections from the same address")), qPrintable(words));
        } else if (leak[say("target")].toString() == lost) {
            QVERIFY2(words.contains(say("The server ended its session")), qPrintable(words));
        } else {
            QFAIL(qPrintable(kind + u' ' + words));
        }
        ++found;
    }
    QCOMPARE(found, 3);
    int counted = 0;
    for (const QJsonValue& each : told({say("pools"), file})) {
        const QJsonObject pool = each.toObject();
        const QJsonArray gone = pool[say("lost_connections")].toArray();
        if (pool[say("target")].toString() != lost) {
            QVERIFY(gone.isEmpty());
            continue;
        }
        counted = static_cast<int>(gone.size());
        QVERIFY(gone[0].toObject()[say("lent")].toBool() !=
                gone[1].toObject()[say("lent")].toBool());
    }
    QCOMPARE(counted, 2);
}

QTEST_GUILESS_MAIN(TestRealDisagreements)
#include "tst_realdisagreements.moc"
