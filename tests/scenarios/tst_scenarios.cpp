// SPDX-License-Identifier: GPL-3.0-or-later
// Labelled incidents (README.md): recorded from a real pool on a real server, then diagnosed.
#include "tests/support/pgcluster.h"

#include <QDeadlineTimer>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <vector>

namespace poolscope::test {

namespace {

QString say(const char* words)
{
    return QString::fromLatin1(words);
}

struct Scenario
{
    QString name;
    bool inCi = false;
    int size = 0;
    int workers = 0;
    int calm = 0;
    QString fault;
    int lasts = 0;
    int seen = 0;
    std::array<QString, 3> causes; ///< agent and server, agent, server; "-": nothing
    QString line;
};

std::vector<Scenario> readScenarios(const QString& file)
{
    std::vector<Scenario> all;
    QFile rows(file);
    if (!rows.open(QIODevice::ReadOnly))
        return all;
    for (const QByteArray& raw : rows.readAll().split('\n')) {
        const QString row = QString::fromUtf8(raw).trimmed();
        if (row.isEmpty() || row.startsWith(QLatin1Char('#')))
            continue;
        QStringList cells = row.split(QLatin1Char('|'));
        for (QString& cell : cells)
            cell = cell.trimmed();
        if (cells.size() != 12) {
            qWarning("not a row: %s", raw.constData());
            return {};
        }
        Scenario s;
        s.name = cells[0];
        s.inCi = cells[1] == say("ci");
        s.size = cells[2].toInt();
        s.workers = cells[3].toInt();
        s.calm = cells[4].toInt();
        s.fault = cells[5];
        s.lasts = cells[6].toInt();
        s.seen = cells[7].toInt();
        s.causes = {cells[8], cells[9], cells[10]};
        s.line = cells[11];
        all.push_back(std::move(s));
    }
    return all;
}

/// The line of incidentprocess.cpp that is marked with a name.
int markedLine(const QString& source, const QString& name)
{
    QFile file(source);
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    int number = 0;
    for (const QByteArray& line : file.readAll().split('\n')) {
        ++number;
        if (line.endsWith("// line: " + name.toUtf8()))
            return number;
    }
    return 0;
}

/// A child that ends with this object.
class Child
{
public:
    Child(const QString& program, const QStringList& arguments, const QString& listen = {})
    {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        if (!listen.isEmpty())
            environment.insert(say("POOLSCOPE_LISTEN"), listen);
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

} // namespace

class TestScenarios : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void incident_data();
    void incident();

private:
    QString folderFile(const QString& name) const { return folder_.filePath(name); }

    PgCluster cluster_;
    QTemporaryDir folder_;
    std::vector<Scenario> scenarios_;
};

void TestScenarios::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server is installed");
    PgCluster::Options options;
    options.settings = {say("max_connections = 30")};
    QVERIFY2(cluster_.start(options), qPrintable(cluster_.error()));
    PgClient client{cluster_.conninfo()};
    QVERIFY2(client.exec(say("CREATE TABLE stock (id int PRIMARY KEY, n int);"
                             "INSERT INTO stock VALUES (1, 1000)")),
             qPrintable(client.error()));
    scenarios_ = readScenarios(say(POOLSCOPE_SCENARIOS_DIR "/scenarios.txt"));
    QVERIFY(!scenarios_.empty());
}

void TestScenarios::incident_data()
{
    QTest::addColumn<int>("number");
    const bool all = qEnvironmentVariable("POOLSCOPE_SCENARIOS") == say("all");
    for (std::size_t i = 0; i < scenarios_.size(); ++i) {
        if (all || scenarios_[i].inCi)
            QTest::newRow(qPrintable(scenarios_[i].name)) << static_cast<int>(i);
    }
}

void TestScenarios::incident()
{
    QFETCH(int, number);
    const Scenario& s = scenarios_.at(static_cast<std::size_t>(number));
    const QString listen = folderFile(say("a%1.sock").arg(number));
    Child application(say(POOLSCOPE_INCIDENT_PROCESS),
                      {cluster_.conninfo() + say(" application_name=shop"), QString::number(s.size),
                       QString::number(s.workers)},
                      listen);
    const QString heard = application.answer();
    QVERIFY2(heard.startsWith(say("listens ")), qPrintable(heard));
    const QString pool = heard.mid(8);
    const QString server = cluster_.uri();

    const std::array<QStringList, 3> attached{QStringList{pool, server}, QStringList{pool},
                                              QStringList{server}};
    std::array<QString, 3> files;
    std::vector<std::unique_ptr<Child>> recorders;
    for (std::size_t i = 0; i < attached.size(); ++i) {
        files.at(i) = folderFile(say("%1-%2.poolrec").arg(number).arg(i));
        recorders.push_back(std::make_unique<Child>(
            say(POOLSCOPE_BINARY), QStringList{say("record")} + attached.at(i) +
                                       QStringList{say("-o"), files.at(i), say("--json")}));
        QVERIFY(!recorders.back()->answer().isEmpty());
    }
    QTest::qWait(s.calm * 1000); // the past that the fault is told from

    // What others do to the server comes with the fault.
    std::vector<PgClient> others;
    if (s.fault == say("lock")) {
        others.emplace_back(cluster_.conninfo() + say(" application_name=billing"));
        QVERIFY(others.back().exec(say("BEGIN; UPDATE stock SET n = 0 WHERE id = 1")));
    } else if (s.fault == say("full")) {
        for (int i = 0; i < 40; ++i) {
            PgClient client{cluster_.conninfo(say("postgres"), say("postgres")) +
                            say(" application_name=reports")};
            if (!client.ok())
                break;
            others.push_back(std::move(client));
        }
    }
    const QDateTime onset = QDateTime::currentDateTimeUtc();
    application.process.write(s.fault.toUtf8() + '\n');
    QCOMPARE(application.answer(), say("done ") + s.fault);
    QTest::qWait(s.lasts * 1000);
    for (const auto& recorder : recorders)
        ::kill(static_cast<pid_t>(recorder->process.processId()), SIGINT);
    for (const auto& recorder : recorders)
        QVERIFY(recorder->process.waitForFinished(60'000));
    others.clear();

    const QString at = onset.addSecs(s.seen).toString(Qt::ISODateWithMs);
    for (std::size_t i = 0; i < files.size(); ++i) {
        QProcess diagnose;
        diagnose.start(say(POOLSCOPE_BINARY),
                       {say("diagnose"), files.at(i), say("--at"), at, say("--json")});
        QVERIFY(diagnose.waitForFinished(60'000));
        const QByteArray error = diagnose.readAllStandardError();
        QVERIFY2(diagnose.exitCode() == 0, error.constData());
        const QJsonArray told = QJsonDocument::fromJson(diagnose.readAllStandardOutput()).array();
        QJsonObject first;
        for (const QJsonValue& each : told) {
            if (first.isEmpty() || !each.toObject()[say("pool")].isNull())
                first = each.toObject();
            if (!first[say("pool")].isNull())
                break;
        }
        const QString cause = first.isEmpty() ? say("-") : first[say("cause")].toString();
        const QString sentence = first[say("sentence")].toString();
        qInfo("%s, %zu: %s: %s", qPrintable(s.name), i, qPrintable(cause), qPrintable(sentence));
        QCOMPARE(cause, s.causes.at(i));
        if (i == 0 && s.line != say("-")) {
            const int line =
                markedLine(say(POOLSCOPE_SCENARIOS_DIR "/incidentprocess.cpp"), s.line);
            QVERIFY(line > 0);
            QVERIFY2(sentence.contains(say("incidentprocess.cpp:%1").arg(line)),
                     qPrintable(sentence));
        }
    }
}

} // namespace poolscope::test

QTEST_GUILESS_MAIN(poolscope::test::TestScenarios)
#include "tst_scenarios.moc"
