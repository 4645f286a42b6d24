// SPDX-License-Identifier: GPL-3.0-or-later
// `poolscope record --past` of a server that behaves, or does not; and a token that is asked for.
#include "core/record/reader.h"
#include "tests/source/fakefleet.h"
#include "tests/support/places.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;

namespace {
constexpr int patience = 60000;
} // namespace

class TestRecordPast : public QObject
{
    Q_OBJECT
private slots:
    void init();
    void whatWasChosenStandsFirst();
    void tellsItsProgress();
    void rulesThatCannotBeRead();
    void servesNoMetrics();
    void endsWhereTheServerFails();
    void interrupted();
    void endsInTime();
    void interruptedWhileAsking();

private:
    QString file(const char* name) const { return dir_->filePath(QLatin1String(name)); }
    void start(const QStringList& more);
    /// Its exit code.
    int end();
    std::vector<Observation> recorded() const;
    bool endsWithGap(const char* words) const;
    void stallAfterThirty();

    std::unique_ptr<QTemporaryDir> dir_;
    std::unique_ptr<FakeFleet> fleet_;
    std::unique_ptr<QProcess> process_;
    bool stalled_ = false;
};

void TestRecordPast::init()
{
    process_.reset();
    dir_ = std::make_unique<QTemporaryDir>();
    fleet_ = std::make_unique<FakeFleet>();
    fleet_->add("hikaricp_connections_active", "orders", "10.0.0.1:8080", "3");
    fleet_->past = [](const FakeFleet::Series& one, double) {
        return one.value;
    };
    stalled_ = false;
}

void TestRecordPast::start(const QStringList& more)
{
    process_ = std::make_unique<QProcess>();
    process_->setStandardInputFile(QProcess::nullDevice());
    process_->start(inBuild("app/poolscope"),
                    QStringList{QStringLiteral("record"), fleet_->apiUrl(),
                                QStringLiteral("--past"), QStringLiteral("10m"),
                                QStringLiteral("--interval"), QStringLiteral("15s"),
                                QStringLiteral("-o"), file("past.poolrec")} +
                        more);
}

int TestRecordPast::end()
{
    // Whom it asks lives in this thread.
    const bool ended =
        QTest::qWaitFor([this] { return process_->state() == QProcess::NotRunning; }, patience);
    return ended && process_->exitStatus() == QProcess::NormalExit ? process_->exitCode() : -1;
}

std::vector<Observation> TestRecordPast::recorded() const
{
    std::vector<Observation> all;
    if (auto reader = RecordingReader::open(file("past.poolrec").toStdString())) {
        const auto read = reader.value()->read(SequenceNumber{0}, [&](const Observation& o) {
            all.push_back(o);
            return true;
        });
        if (!read)
            all.clear();
    }
    return all;
}

bool TestRecordPast::endsWithGap(const char* words) const
{
    const std::vector<Observation> all = recorded();
    const auto* const gap = all.empty() ? nullptr : std::get_if<Gap>(&all.back().what);
    return gap != nullptr && gap->reason.find(words) != std::string::npos;
}

/// The first part is told, and then nothing more.
void TestRecordPast::stallAfterThirty()
{
    const auto known = fleet_->onRequest;
    fleet_->onRequest = [this, known, asked = 0](QTcpSocket* socket,
                                                 const QByteArray& path) mutable {
        stalled_ = ++asked > 30;
        if (!stalled_)
            known(socket, path);
    };
}

void TestRecordPast::whatWasChosenStandsFirst()
{
    QFile rules(file("rules.toml"));
    QVERIFY(rules.open(QIODevice::WriteOnly));
    rules.write("[[rule]]\nname = \"any\"\nmeasure = \"used_ratio\"\nat_least = 0.5\n");
    rules.close();
    start({QStringLiteral("--rules"), rules.fileName(), QStringLiteral("--leak-after"),
           QStringLiteral("7s")});
    QCOMPARE(end(), 0);
    const std::vector<Observation> all = recorded();
    QVERIFY(all.size() > 40);
    const auto* const chosen = std::get_if<ThresholdsChanged>(&all[0].what);
    QVERIFY(chosen && chosen->thresholds.alert == std::chrono::seconds{7});
    QVERIFY(all[0].target == TargetId{0});
    const auto* const told = std::get_if<AlertRulesChanged>(&all[1].what);
    QVERIFY(told && told->rules.find("used_ratio") != std::string::npos);
    QVERIFY(std::holds_alternative<TargetAttached>(all[2].what));
    // Time passes with each instant.
    std::size_t samples = 0;
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
        if (!std::holds_alternative<PoolSample>(all[i].what))
            continue;
        ++samples;
        QVERIFY(std::holds_alternative<Tick>(all[i + 1].what));
        QVERIFY(all[i + 1].time == all[i].time);
    }
    QCOMPARE(samples, 41U);
}

void TestRecordPast::tellsItsProgress()
{
    start({QStringLiteral("--json")});
    QCOMPARE(end(), 0);
    const QByteArray out = process_->readAllStandardOutput();
    QVERIFY(!out.isEmpty());
    for (const QByteArray& line : out.trimmed().split('\n')) {
        const QJsonObject object = QJsonDocument::fromJson(line).object();
        QVERIFY2(object[QStringLiteral("bytes")].toInteger() > 0, line.constData());
    }
    const QJsonObject last = QJsonDocument::fromJson(out.trimmed().split('\n').last()).object();
    QCOMPARE(last[QStringLiteral("file")].toString(), file("past.poolrec"));
    QCOMPARE(last[QStringLiteral("complete")].toBool(), true);
    QCOMPARE(last[QStringLiteral("gaps")].toInteger(-1), 0);
    QCOMPARE(last[QStringLiteral("duration_us")].toInteger(), 600000000);
    QCOMPARE(last[QStringLiteral("targets")].toArray().size(), 1);
}

void TestRecordPast::rulesThatCannotBeRead()
{
    QFile rules(file("rules.toml"));
    QVERIFY(rules.open(QIODevice::WriteOnly));
    rules.write("[[rule]]\nname = \"any\"\nmeasure = \"nonsense\"\n");
    rules.close();
    start({QStringLiteral("--rules"), rules.fileName()});
    QCOMPARE(end(), 5);
    QVERIFY(process_->readAllStandardError().contains("No alert rule could be read"));
    QVERIFY(!QFile::exists(file("past.poolrec")));
}

void TestRecordPast::servesNoMetrics()
{
    start({QStringLiteral("--metrics"), QStringLiteral("0")});
    QCOMPARE(end(), 2);
    QVERIFY(!QFile::exists(file("past.poolrec")));
}

void TestRecordPast::endsWhereTheServerFails()
{
    fleet_->onQuery = [this](QTcpSocket* socket, const QString&) {
        fleet_->say(socket, {}, MetricsServer::textType, "500 Oops");
        return true;
    };
    start({});
    QCOMPARE(end(), 3);
    QVERIFY(process_->readAllStandardError().contains("5 times in a row"));
    QVERIFY(endsWithGap("could not be asked for"));
}

void TestRecordPast::interrupted()
{
    stallAfterThirty();
    start({});
    QTRY_VERIFY_WITH_TIMEOUT(stalled_, patience);
    QCOMPARE(::kill(static_cast<pid_t>(process_->processId()), SIGINT), 0);
    QCOMPARE(end(), 3);
    QVERIFY(process_->readAllStandardError().contains("Interrupted"));
    QVERIFY(endsWithGap("Interrupted"));
}

void TestRecordPast::endsInTime()
{
    stallAfterThirty();
    start({QStringLiteral("--for"), QStringLiteral("2s")});
    QCOMPARE(end(), 3);
    QVERIFY(endsWithGap("took longer than it may"));
}

void TestRecordPast::interruptedWhileAsking()
{
    fleet_->onQuery = [this](QTcpSocket* socket, const QString&) {
        fleet_->say(socket, {}, "WWW-Authenticate: Bearer\r\n", "401 Unauthorized");
        return true;
    };
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
    QVERIFY(terminal >= 0 && ::grantpt(terminal) == 0 && ::unlockpt(terminal) == 0);
    process_ = std::make_unique<QProcess>();
    process_->setStandardInputFile(QString::fromLocal8Bit(::ptsname(terminal)));
    process_->start(inBuild("app/poolscope"), {QStringLiteral("states"), fleet_->apiUrl()});
    QByteArray said;
    QTRY_VERIFY_WITH_TIMEOUT((said += process_->readAllStandardError()).endsWith("Token: "),
                             patience);
    const auto echoes = [terminal] {
        termios now{};
        return ::tcgetattr(terminal, &now) == 0 && (now.c_lflag & ECHO) != 0;
    };
    QVERIFY(!echoes());
    QCOMPARE(::kill(static_cast<pid_t>(process_->processId()), SIGINT), 0);
    QTRY_COMPARE_WITH_TIMEOUT(process_->state(), QProcess::NotRunning, patience);
    QVERIFY(echoes());
    QCOMPARE(process_->exitStatus(), QProcess::CrashExit); // as any program that is interrupted
    ::close(terminal);
}

QTEST_GUILESS_MAIN(TestRecordPast)
#include "tst_recordpast.moc"
