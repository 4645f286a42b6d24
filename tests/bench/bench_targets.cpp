// SPDX-License-Identifier: GPL-3.0-or-later
// What 200 targets at once cost the process that watches them, 50 of them dead: pages of metrics,
// instrumented processes and sessions of one PostgreSQL. Processor time, not time by the clock.
// What is watched runs in another process.  bench_targets [SECONDS]
#include "core/capture/workspace.h"
#include "core/source/registry.h"
#include "tests/support/crowd.h"
#include "tests/support/pgcluster.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QProcess>
#include <QTemporaryDir>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include <sys/prctl.h>

using namespace poolscope;
using namespace poolscope::test;

namespace {

constexpr int pages = 60;
constexpr int agents = 40;
constexpr int servers = 50;
constexpr int frozen = 20;
constexpr int refusing = 30;
constexpr double goal = 25; // % of one core

/// The watched: says where it is, and works until its input ends.
int crowdMain(QCoreApplication& app)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // it must not outlive who watches it
    const Crowd crowd(pages, agents, frozen);
    for (const QString& target : crowd.targets)
        std::printf("%s\n", qPrintable(target));
    for (const quint16 port : crowd.frozenPorts)
        std::printf("frozen %d\n", port);
    std::printf("all\n");
    std::fflush(stdout);
    return QCoreApplication::exec() + (app.arguments().isEmpty() ? 1 : 0);
}

void spend(std::chrono::milliseconds time)
{
    QEventLoop loop;
    QTimer::singleShot(time, &loop, &QEventLoop::quit);
    loop.exec();
}

QStringList targetsOf(QProcess& crowd)
{
    QStringList targets;
    int odd = 0;
    while (crowd.canReadLine() || crowd.waitForReadyRead(20000)) {
        const QString line = QString::fromUtf8(crowd.readLine()).trimmed();
        if (line == QLatin1String("all"))
            return targets;
        if (line.startsWith(QLatin1String("frozen ")))
            targets += (++odd % 2 == 0 ? QStringLiteral("postgresql://u@127.0.0.1:%1/d")
                                       : QStringLiteral("prometheus+http://127.0.0.1:%1"))
                           .arg(line.mid(7));
        else
            targets += line;
    }
    return {};
}

struct Cost
{
    double share = 0; ///< % of one core
    int up = 0;
    int threads = 0;
};

Cost watch(const QStringList& targets, const QString& folder, int seconds)
{
    Workspace::Options options;
    options.temporaryFolder = folder;
    Workspace workspace(options);
    UpdatePtr latest;
    QObject::connect(&workspace, &Workspace::updated, &workspace,
                     [&](const UpdatePtr& update) { latest = update; });
    for (const QString& target : targets) {
        AttachRequest request;
        request.target = target;
        request.interval = usualInterval(target);
        workspace.attach(request);
    }
    spend(std::chrono::seconds{20}); // the dead are all tried, and tried more seldom
    QElapsedTimer clock;
    clock.start();
    const double before = Crowd::processorSeconds();
    spend(std::chrono::seconds{seconds});
    const double took = Crowd::processorSeconds() - before;
    Cost cost;
    cost.share = 100 * took / (static_cast<double>(clock.elapsed()) / 1000);
    cost.threads = Crowd::threads();
    for (std::size_t i = 0; latest && i < latest->targets.size(); ++i) {
        const TargetSummary& target = latest->targets[i];
        cost.up += target.status.reach == Reach::up && target.last_sample ? 1 : 0;
    }
    return cost;
}

} // namespace

int main(int argc, char** argv)
{
    QCoreApplication app(argc, argv);
    if (app.arguments().value(1) == QLatin1String("--crowd"))
        return crowdMain(app);
    const int seconds = std::max(5, app.arguments().value(1, QStringLiteral("30")).toInt());
    QProcess crowd;
    crowd.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    crowd.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--crowd")});
    const QStringList watched = targetsOf(crowd);
    if (watched.isEmpty())
        return 1;
    QStringList dead;
    for (int i = 0; i < refusing; ++i)
        dead += (i % 2 == 0 ? QStringLiteral("postgresql://u@127.0.0.1:%1/d")
                            : QStringLiteral("prometheus+http://127.0.0.1:%1"))
                    .arg(Crowd::deadPort());
    PgCluster cluster;
    QStringList sessions;
    if (PgCluster::available() && cluster.start()) {
        for (int i = 0; i < servers; ++i)
            sessions += cluster.conninfo();
    }
    const QTemporaryDir folder;
    const auto tell = [](const char* what, int living, const Cost& cost) {
        std::printf("%s", fmt::format("{:<34} {:>4} up of {:>3}, {:>3} threads, {:>6.1f} % of a "
                                      "core\n",
                                      what, cost.up, living, cost.threads, cost.share)
                              .c_str());
        std::fflush(stdout);
    };
    tell("nothing", 0, watch({}, folder.path(), seconds / 3));
    tell("60 pages", pages, watch(watched.mid(0, pages), folder.path(), seconds / 3));
    tell("40 processes", agents, watch(watched.mid(pages, agents), folder.path(), seconds / 3));
    tell("50 x PostgreSQL", static_cast<int>(sessions.size()),
         watch(sessions, folder.path(), seconds / 3));
    tell("50 dead", 0, watch(watched.mid(pages + agents) + dead, folder.path(), seconds / 3));
    const QStringList all = watched + sessions + dead;
    const Cost cost = watch(all, folder.path(), seconds);
    tell("all", pages + agents + static_cast<int>(sessions.size()), cost);
    std::printf("%d targets; goal: under %.0f %% of a core: %s\n", static_cast<int>(all.size()),
                goal, cost.share < goal ? "reached" : "MISSED");
    crowd.closeWriteChannel();
    crowd.kill();
    crowd.waitForFinished();
    return 0;
}
