// SPDX-License-Identifier: GPL-3.0-or-later
// What the whole program costs, window and all, that watches 500 sessions of a real PostgreSQL once
// a second while a tenth of them changes each second: processor time (all threads) and memory, for
// each of some pages.  bench_program [SECONDS]
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTimer>

#include <cstdio>
#include <memory>
#include <vector>

#include <unistd.h>

using namespace poolscope::test;

namespace {

constexpr int sessions = 500;
constexpr double processorGoal = 5; // % of one core (TARGETS: the whole program)
constexpr double memoryGoal = 150;  // MB

void spend(int milliseconds)
{
    QEventLoop loop;
    QTimer::singleShot(milliseconds, &loop, &QEventLoop::quit);
    loop.exec();
}

/// Processor time of that process so far, user and system, in seconds: proc(5), fields 14 and 15.
double processorSeconds(qint64 pid)
{
    QFile file(QStringLiteral("/proc/%1/stat").arg(pid));
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    const QByteArray stat = file.readAll();
    const QList<QByteArray> fields = stat.mid(stat.lastIndexOf(')') + 2).split(' ');
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    return fields.size() > 12 ? (fields[11].toDouble() + fields[12].toDouble()) / ticks : 0;
}

/// What it has of its own: shared libraries belong to everybody. In MB.
double privateMegabytes(qint64 pid)
{
    QFile file(QStringLiteral("/proc/%1/smaps_rollup").arg(pid));
    double kilobytes = 0;
    if (file.open(QIODevice::ReadOnly)) {
        for (const QByteArray& line : file.readAll().split('\n')) {
            if (line.startsWith("Private_Clean:") || line.startsWith("Private_Dirty:"))
                kilobytes += line.simplified().split(' ').value(1).toDouble();
        }
    }
    return kilobytes / 1024;
}

double residentMegabytes(qint64 pid)
{
    QFile file(QStringLiteral("/proc/%1/statm").arg(pid));
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    return file.readAll().split(' ').value(1).toDouble() *
           static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1024 / 1024;
}

} // namespace

int main(int argc, char** argv)
{
    const QCoreApplication app(argc, argv);
    const int seconds = argc > 1 ? std::atoi(argv[1]) : 30;
    if (!PgCluster::available()) {
        std::puts("no PostgreSQL server here: not measured");
        return 0;
    }
    PgCluster cluster;
    PgCluster::Options options;
    options.settings = {QStringLiteral("max_connections = 600"), QStringLiteral("fsync = off")};
    if (!cluster.start(options)) {
        std::printf("%s\n", qPrintable(cluster.error()));
        return 1;
    }
    std::vector<std::unique_ptr<PgClient>> clients;
    for (int i = 0; i < sessions; ++i) {
        clients.push_back(std::make_unique<PgClient>(
            cluster.localConninfo() + QStringLiteral(" application_name=app%1").arg(i % 12)));
        if (!clients.back()->ok()) {
            std::printf("%s\n", qPrintable(clients.back()->error()));
            return 1;
        }
    }
    std::size_t next = 0;
    int turns = 0;
    QTimer work;
    QObject::connect(&work, &QTimer::timeout, [&] {
        ++turns;
        for (int i = 0; i < sessions / 100; ++i) {
            PgClient& client = *clients[next++ % clients.size()];
            client.exec(turns % 20 < 10
                            ? QStringLiteral("BEGIN; SELECT %1, 'orders of a customer'").arg(turns)
                            : QStringLiteral("COMMIT"));
        }
    });
    work.start(100);
    int missed = 0;
    for (const char* const page : {"overview", "sessions", "leaks"}) {
        const QTemporaryDir home;
        QProcess program;
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("offscreen"));
        environment.insert(QStringLiteral("HOME"), home.path());
        environment.insert(QStringLiteral("XDG_CONFIG_HOME"), home.filePath(QStringLiteral("c")));
        environment.insert(QStringLiteral("XDG_CACHE_HOME"), home.filePath(QStringLiteral("k")));
        program.setProcessEnvironment(environment);
        program.start(inBuild("app/poolscope"),
                      {QStringLiteral("--page"), QLatin1String(page), QStringLiteral("--size"),
                       QStringLiteral("1440x900"), cluster.uri()});
        if (!program.waitForStarted())
            return 1;
        spend(5000); // attached, drawn, grown
        PgClient admin(cluster.localConninfo());
        const QString watching = admin.value(
            QStringLiteral("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                           "'poolscope' AND query_start > now() - interval '3 s'"));
        if (watching != QStringLiteral("1")) {
            std::printf("%s polls there, one should: %s\n", qPrintable(watching),
                        program.readAllStandardError().constData());
            return 1;
        }
        QElapsedTimer clock;
        clock.start();
        const double before = processorSeconds(program.processId());
        spend(seconds * 1000);
        const double used = processorSeconds(program.processId()) - before;
        const double share = 100 * used * 1000 / static_cast<double>(clock.elapsed());
        const double own = privateMegabytes(program.processId());
        std::printf(
            "%-9s %5.2f %% of a core (goal %.0f), %5.1f MB of its own (goal %.0f), %5.1f MB "
            "resident\n",
            page, share, processorGoal, own, memoryGoal, residentMegabytes(program.processId()));
        std::fflush(stdout);
        missed += share > processorGoal || own > memoryGoal ? 1 : 0;
        if (program.state() != QProcess::Running || used <= 0) {
            std::printf("%s\n", program.readAllStandardError().constData());
            return 1;
        }
        program.terminate();
        program.waitForFinished();
    }
    return missed > 0 ? 1 : 0;
}
