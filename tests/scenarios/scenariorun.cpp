// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenarios/scenariorun.h"

#include "tests/support/pgcluster.h"

#include <QDateTime>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTest>

#include <csignal>
#include <functional>
#include <memory>

namespace poolscope::test {

namespace {

/// The past that a trouble is told from.
constexpr int calmSeconds = 26;

/// A child that ends with this object.
class Child
{
public:
    Child(const QString& program, const QStringList& arguments, const QString& listen = {})
    {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        if (!listen.isEmpty())
            environment.insert(QStringLiteral("POOLSCOPE_LISTEN"), listen);
        process.setProcessEnvironment(environment);
        process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        process.start(program, arguments);
    }
    ~Child()
    {
        process.closeWriteChannel();
        if (!process.waitForFinished(10'000)) {
            process.kill();
            process.waitForFinished();
        }
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    /// What it says next; empty after 30 s.
    QString answer()
    {
        while (!process.canReadLine()) {
            if (!process.waitForReadyRead(30'000))
                return {};
        }
        return QString::fromUtf8(process.readLine()).trimmed();
    }
    QProcess process;
};

class Run
{
public:
    Run(const ScenarioRow& row, const QString& folder)
        : row_(row)
        , folder_(folder)
    {}
    QString all();

private:
    QString open();
    QString record();
    QString strike();
    void relieve();
    QString act(const QString& action);
    /// What the application said, into times.json.
    bool keepTimes();

    QString asOwner(const QString& sql)
    {
        PgClient client(cluster_.conninfo());
        return client.exec(sql) ? QString() : client.error();
    }
    QString othersDo(const QString& sql)
    {
        others_.emplace_back(cluster_.conninfo() + QStringLiteral(" application_name=billing"));
        return others_.back().exec(sql) ? QString() : others_.back().error();
    }
    static QString lookupOf(int ms)
    {
        return QStringLiteral("CREATE OR REPLACE FUNCTION lookup() RETURNS bigint LANGUAGE plpgsql "
                              "AS 'BEGIN PERFORM pg_sleep(%1); "
                              "RETURN (SELECT count(*) FROM stock); END'")
            .arg(ms / 1000.0);
    }

    const ScenarioRow& row_;
    QString folder_;
    PgCluster cluster_;
    std::unique_ptr<Child> application_;
    QString pool_, metrics_;
    std::vector<std::unique_ptr<Child>> recorders_;
    std::vector<PgClient> others_;
    QByteArray said_;
};

QString Run::open()
{
    PgCluster::Options options;
    options.settings = {QStringLiteral("max_connections = 45"),
                        QStringLiteral("shared_buffers = 16MB"),
                        QStringLiteral("autovacuum = off")};
    if (!cluster_.start(options))
        return cluster_.error();
    for (const QString& sql :
         {QStringLiteral("CREATE TABLE stock (id int PRIMARY KEY, n int)"),
          QStringLiteral("INSERT INTO stock SELECT i, 1000 FROM generate_series(1, 20) i"),
          QStringLiteral("CREATE ROLE shop LOGIN"), QStringLiteral("CREATE ROLE reports LOGIN"),
          QStringLiteral("GRANT ALL ON stock TO shop"), lookupOf(20)}) {
        if (const QString error = asOwner(sql); !error.isEmpty())
            return error;
    }
    application_ = std::make_unique<Child>(
        QStringLiteral(POOLSCOPE_INCIDENT_PROCESS),
        QStringList{cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("shop")) +
                        QStringLiteral(" application_name=shop connect_timeout=3"),
                    row_.pool, row_.work},
        folder_ + QStringLiteral("/a.sock"));
    pool_ = application_->answer();
    metrics_ = application_->answer();
    if (!pool_.startsWith(QStringLiteral("listens ")) ||
        !metrics_.startsWith(QStringLiteral("metrics ")))
        return QStringLiteral("the application did not start: ") + pool_ + metrics_;
    pool_ = pool_.mid(8);
    metrics_ = metrics_.mid(8);
    return {};
}

QString Run::record()
{
    const QString server = cluster_.uri();
    const std::array<QStringList, sourcesCount> attached{
        QStringList{pool_, server}, QStringList{pool_}, QStringList{server}, QStringList{metrics_},
        QStringList{metrics_, server}};
    for (std::size_t i = 0; i < sourcesCount; ++i) {
        if (!row_.recorded(i))
            continue;
        recorders_.push_back(std::make_unique<Child>(
            QStringLiteral(POOLSCOPE_BINARY),
            QStringList{QStringLiteral("record")} + attached.at(i) +
                QStringList{QStringLiteral("-o"), folder_ + QStringLiteral("/%1.poolrec").arg(i),
                            QStringLiteral("--json")}));
    }
    for (const auto& recorder : recorders_) {
        if (recorder->answer().isEmpty())
            return QStringLiteral("a recording did not begin");
    }
    return {};
}

QString Run::act(const QString& action)
{
    const QString name = action.section(QLatin1Char(' '), 0, 0);
    const int number = action.section(QLatin1Char(' '), 1, 1).toInt();
    if (name == QStringLiteral("lock"))
        return othersDo(QStringLiteral("BEGIN; UPDATE stock SET n = 0 WHERE id = %1").arg(number));
    if (name == QStringLiteral("locktable"))
        return othersDo(QStringLiteral("BEGIN; LOCK TABLE stock IN ACCESS EXCLUSIVE MODE"));
    if (name == QStringLiteral("slow"))
        return asOwner(lookupOf(number));
    if (name == QStringLiteral("strangers")) {
        for (int i = 0; i < 60; ++i) {
            PgClient client{
                cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("reports")) +
                QStringLiteral(" application_name=reports")};
            if (!client.ok())
                return {};
            others_.push_back(std::move(client));
        }
        return QStringLiteral("the server does not get full");
    }
    if (name == QStringLiteral("cut"))
        return asOwner(QStringLiteral(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop'"));
    if (name == QStringLiteral("freeze"))
        return cluster_.freeze(), QString();
    if (name == QStringLiteral("down"))
        return cluster_.stop() ? QString() : QStringLiteral("the server does not stop");
    if (name == QStringLiteral("restart"))
        return cluster_.stop() && cluster_.resume() ? QString() : cluster_.error();
    return QStringLiteral("what is ") + action;
}

QString Run::strike()
{
    application_->process.write("go " + row_.trouble.join(QLatin1Char(',')).toUtf8() + '\n');
    application_->process.waitForBytesWritten();
    for (const QString& action : row_.actions) {
        if (const QString error = act(action); !error.isEmpty())
            return error;
    }
    return {};
}

void Run::relieve()
{
    if (row_.actions.contains(QStringLiteral("freeze")))
        cluster_.thaw();
    if (row_.actions.contains(QStringLiteral("down")))
        cluster_.resume();
    others_.clear();
    if (row_.actions.join(QLatin1Char(' ')).contains(QStringLiteral("slow")))
        asOwner(lookupOf(20));
    application_->process.write("calm\n");
    application_->process.waitForBytesWritten();
}

bool Run::keepTimes()
{
    said_ += application_->process.readAllStandardOutput();
    QJsonObject times;
    for (const QByteArray& line : said_.split('\n')) {
        const QList<QByteArray> words = line.simplified().split(' ');
        if (words.size() == 2)
            times[QString::fromUtf8(words[0])] = static_cast<double>(words[1].toLongLong());
        else if (line.startsWith("not readable"))
            return false;
    }
    QFile file(folder_ + QStringLiteral("/times.json"));
    return times.contains(QStringLiteral("onset")) && times.contains(QStringLiteral("calm")) &&
           file.open(QIODevice::WriteOnly) && file.write(QJsonDocument(times).toJson()) > 0;
}

QString Run::all()
{
    QString error = open();
    if (error.isEmpty())
        error = record();
    if (!error.isEmpty())
        return error;
    QTest::qWait(calmSeconds * 1000);
    error = strike();
    if (!error.isEmpty())
        return error;
    QTest::qWait(row_.lasts * 1000);
    relieve();
    QTest::qWait(std::max(1, row_.after) * 1000);
    for (const auto& recorder : recorders_) {
        if (recorder->process.state() != QProcess::Running)
            return QStringLiteral("a recording ended early");
        ::kill(static_cast<pid_t>(recorder->process.processId()), SIGINT);
    }
    for (const auto& recorder : recorders_) {
        if (!recorder->process.waitForFinished(60'000))
            return QStringLiteral("a recording does not end");
    }
    return keepTimes() ? QString() : QStringLiteral("the application did not say when");
}

} // namespace

QString runScenario(const ScenarioRow& row, const QString& folder)
{
    return Run(row, folder).all();
}

} // namespace poolscope::test
