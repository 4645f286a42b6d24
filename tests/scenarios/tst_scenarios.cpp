// SPDX-License-Identifier: GPL-3.0-or-later
// Labelled incidents (README.md): recorded from real pools on real servers, several side by side,
// then diagnosed from the recordings.
#include "tests/scenarios/scenariorun.h"
#include "tests/scenarios/scenariotable.h"
#include "tests/support/pgcluster.h"

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace poolscope::test {

namespace {

std::vector<ScenarioRow> allScenarios()
{
    return readScenarios(QStringLiteral(POOLSCOPE_SCENARIOS_DIR "/scenarios.txt"));
}

/// "ci", "all", or names, separated by commas.
bool isWanted(const ScenarioRow& row)
{
    const QString wanted = qEnvironmentVariable("POOLSCOPE_SCENARIOS", QStringLiteral("ci"));
    if (wanted == QStringLiteral("all") || (wanted == QStringLiteral("ci") && row.inCi))
        return true;
    return wanted.split(QLatin1Char(',')).contains(row.name);
}

} // namespace

class TestScenarios : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void incident_data();
    void incident();
    void figures();

private:
    void runAll();
    QString folderOf(std::size_t number) const
    {
        return folder_ + QStringLiteral("/%1").arg(number);
    }

    std::vector<ScenarioRow> rows_;
    std::unique_ptr<QTemporaryDir> temporary_;
    QString folder_;
    std::map<std::size_t, QString> failures_;
    ScenarioTable table_;
};

/// Each in a process of its own: they mostly sleep.
void TestScenarios::runAll()
{
    const int side =
        std::max(1, qEnvironmentVariable("POOLSCOPE_SCENARIOS_SIDE", QStringLiteral("8")).toInt());
    std::map<std::size_t, std::unique_ptr<QProcess>> running;
    std::size_t next = 0;
    const auto reap = [&] {
        std::erase_if(running, [this](auto& each) {
            QProcess& process = *each.second;
            if (process.state() != QProcess::NotRunning)
                return false;
            if (process.exitStatus() != QProcess::NormalExit || process.exitCode() != 0)
                failures_[each.first] = QString::fromUtf8(process.readAllStandardOutput());
            return true;
        });
    };
    while (next < rows_.size() || !running.empty()) {
        for (; next < rows_.size() && running.size() < static_cast<std::size_t>(side); ++next) {
            if (!isWanted(rows_[next]))
                continue;
            QVERIFY(QDir().mkpath(folderOf(next)));
            auto process = std::make_unique<QProcess>();
            process->setProcessChannelMode(QProcess::ForwardedErrorChannel);
            process->start(QCoreApplication::applicationFilePath(),
                           {QStringLiteral("--incident"), QString::number(next), folderOf(next)});
            running[next] = std::move(process);
        }
        QTest::qWait(100);
        reap();
    }
}

void TestScenarios::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server is installed");
    rows_ = allScenarios();
    QVERIFY(!rows_.empty());
    // Kept ones are judged anew, by the rules of today.
    folder_ = qEnvironmentVariable("POOLSCOPE_SCENARIOS_KEPT");
    const bool kept = !folder_.isEmpty();
    if (!kept) {
        folder_ = qEnvironmentVariable("POOLSCOPE_SCENARIOS_KEEP");
        if (folder_.isEmpty()) {
            temporary_ = std::make_unique<QTemporaryDir>(QStringLiteral("/tmp/pss-XXXXXX"));
            folder_ = temporary_->path();
        }
        runAll();
    }
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (!isWanted(rows_[i]))
            continue;
        for (std::size_t sources = 0; sources < sourcesCount; ++sources) {
            if (rows_[i].recorded(sources))
                table_.add(rows_[i], judgeScenario(rows_[i], sources, folderOf(i)));
        }
    }
    std::puts(qPrintable(table_.text()));
    double load = 0;
    if (::getloadavg(&load, 1) == 1)
        std::printf("load average at the end: %.1f\n", load);
    std::fflush(stdout);
}

void TestScenarios::incident_data()
{
    QTest::addColumn<int>("number");
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (isWanted(rows_[i]))
            QTest::newRow(qPrintable(rows_[i].name)) << static_cast<int>(i);
    }
}

void TestScenarios::incident()
{
    QFETCH(int, number);
    const auto at = static_cast<std::size_t>(number);
    QVERIFY2(!failures_.contains(at), qPrintable(failures_[at]));
    const auto* const verdicts = table_.of(rows_[at].name);
    QVERIFY(verdicts != nullptr);
    for (const ScenarioVerdict& each : *verdicts) {
        const QString of = QLatin1String(sourcesNames.at(each.sources)) + QStringLiteral(": ");
        qInfo("%s%s %s", qPrintable(of), qPrintable(each.told), qPrintable(each.sentence));
        QVERIFY2(each.ok, qPrintable(of + each.told + QStringLiteral(": ") + each.complaint));
        QVERIFY2(each.alertsOk,
                 qPrintable(of + each.earlyAlerts.join(QStringLiteral(", ")) +
                            QStringLiteral(" fires, or nothing before the first timeout")));
    }
}

void TestScenarios::figures()
{
    QVERIFY(table_.precision() >= 0.98);
    QVERIFY(table_.recall() >= 0.95);
    QCOMPARE(table_.falseLeaks(), 0);
    // Where waits come and go, the first of them is not yet the trouble: one row in 20 may be
    // later.
    const std::vector<double> named = table_.namings();
    QVERIFY(!named.empty());
    const double nearly = named[(named.size() - 1) * 19 / 20];
    QVERIFY2(nearly <= ScenarioTable::goal_s, qPrintable(QString::number(nearly)));
}

} // namespace poolscope::test

int main(int argc, char** argv)
{
    QCoreApplication application(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.size() == 4 && arguments[1] == QStringLiteral("--incident")) {
        const auto rows = poolscope::test::allScenarios();
        const QString error =
            poolscope::test::runScenario(rows.at(arguments[2].toUInt()), arguments[3]);
        std::puts(qPrintable(error));
        return error.isEmpty() ? 0 : 1;
    }
    poolscope::test::TestScenarios test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_scenarios.moc"
