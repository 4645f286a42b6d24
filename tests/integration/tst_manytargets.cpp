// SPDX-License-Identifier: GPL-3.0-or-later
// Many targets at once, some of them dead: no thread a target, the dead say so once and are tried
// again ever more seldom, and the living go on.
#include "core/capture/workspace.h"
#include "core/record/reader.h"
#include "tests/support/crowd.h"
#include "tests/support/pgcluster.h"

#include <QTemporaryDir>
#include <QTest>

#include <map>
#include <set>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestManyTargets : public QObject
{
    Q_OBJECT
private slots:
    void manyAtOnce();
};

void TestManyTargets::manyAtOnce()
{
    Crowd crowd(30, 15, 6);
    QStringList living = crowd.targets;
    PgCluster cluster;
    if (PgCluster::available()) {
        QVERIFY2(cluster.start(), qPrintable(cluster.error()));
        for (int i = 0; i < 10; ++i)
            living += cluster.conninfo();
    }
    QStringList dead;
    for (int i = 0; i < 3; ++i) {
        const QString where = QStringLiteral("127.0.0.1:%1").arg(Crowd::deadPort());
        dead += QStringLiteral("prometheus+http://") + where;
        dead += QStringLiteral("postgresql://u@%1/d").arg(where);
        dead += QStringLiteral("pool://") + where;
        dead += QStringLiteral("prometheus+http://no-such-host-%1.invalid").arg(i);
    }
    for (const quint16 port : crowd.frozenPorts)
        dead += QStringLiteral("postgresql://u@127.0.0.1:%1/d").arg(port);

    const QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("r.poolrec"));
    std::map<TargetId, QString> urls;
    std::set<TargetId> gone;
    {
        Workspace::Options options;
        options.temporaryFolder = dir.path();
        options.recordTo = file;
        Workspace workspace(options);
        UpdatePtr latest;
        QObject::connect(&workspace, &Workspace::updated, this,
                         [&](const UpdatePtr& update) { latest = update; });
        const auto attach = [&](const QString& target) {
            AttachRequest request;
            request.target = target;
            request.interval = 1s;
            const TargetId id = workspace.attach(request);
            urls[id] = target;
            return id;
        };
        attach(living.first());
        const auto up = [&](int wanted) {
            int count = 0;
            for (std::size_t i = 0; latest && i < latest->targets.size(); ++i) {
                const TargetSummary& target = latest->targets[i];
                count += target.status.reach == Reach::up && target.last_sample ? 1 : 0;
            }
            return count >= wanted;
        };
        QTRY_VERIFY_WITH_TIMEOUT(up(1), 60000);
        const int threads = Crowd::threads();
        for (const QString& target : living.mid(1))
            attach(target);
        for (const QString& target : dead)
            gone.insert(attach(target));
        QTRY_VERIFY_WITH_TIMEOUT(up(static_cast<int>(living.size())), 120000);
        // Resolvers of host names come and go; there is nothing like one a target.
        QVERIFY2(Crowd::threads() <= threads + 12,
                 qPrintable(QStringLiteral("%1 and %2").arg(threads).arg(Crowd::threads())));
        // Every one that lives is sampled again and again beside those that do not.
        std::map<TargetId, Timestamp> before;
        for (const TargetSummary& target : latest->targets) {
            if (!gone.contains(target.info.id))
                before[target.info.id] = *target.last_sample;
        }
        const auto allWentOn = [&] {
            return std::all_of(latest->targets.begin(), latest->targets.end(),
                               [&](const TargetSummary& target) {
                                   return gone.contains(target.info.id) ||
                                          (target.status.reach == Reach::up &&
                                           *target.last_sample >= before[target.info.id] + 5s);
                               });
        };
        QTRY_VERIFY_WITH_TIMEOUT(allWentOn(), 120000);
        const auto failing = [&] {
            return std::all_of(latest->targets.begin(), latest->targets.end(),
                               [&](const TargetSummary& target) {
                                   return !gone.contains(target.info.id) ||
                                          target.status.reach == Reach::failing ||
                                          target.status.reach == Reach::stopped;
                               });
        };
        QTRY_VERIFY_WITH_TIMEOUT(failing(), 120000);
    }
    auto reader = RecordingReader::open(file.toStdString());
    QVERIFY(reader);
    std::map<TargetId, std::vector<TargetStatus>> said;
    std::map<TargetId, int> gaps;
    QVERIFY(reader.value()->read(SequenceNumber{0}, [&](const Observation& o) {
        if (const auto* const status = std::get_if<StatusChanged>(&o.what))
            said[o.target].push_back(status->status);
        if (std::holds_alternative<Gap>(o.what))
            ++gaps[o.target];
        return true;
    }));
    for (const auto& [id, url] : urls) {
        const auto words = qPrintable(url);
        int failures = 0;
        std::set<std::string> sentences;
        for (const TargetStatus& status : said[id]) {
            if (status.reach != Reach::failing && status.reach != Reach::stopped)
                continue;
            ++failures;
            sentences.insert(status.sentence);
            QVERIFY2(!status.sentence.empty(), words);
        }
        if (!gone.contains(id)) {
            QVERIFY2(failures == 0 && gaps[id] == 0, words);
            continue;
        }
        // Once; and where the next try is far enough away to be counted down to, when that is.
        QVERIFY2(sentences.size() == 1, words);
        QVERIFY2(failures >= 1 && failures <= 6, words);
        QVERIFY2(gaps[id] <= 1, words);
    }
}

QTEST_GUILESS_MAIN(TestManyTargets)
#include "tst_manytargets.moc"
