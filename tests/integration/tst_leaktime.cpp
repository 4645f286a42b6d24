// SPDX-License-Identifier: GPL-3.0-or-later
// How long after the threshold a leak's line is named, by the command line and by the window: a
// real pool in a process of its own, real time, everything as a user starts it.
#include "tests/integration/agentprocess.h"
#ifdef POOLSCOPE_GUI
#include "tests/support/places.h"
#include "tests/views/pagefixture.h"
#include "ui/views/datatable.h"
#include "ui/views/leakspage.h"
#endif

#include <QDeadlineTimer>
#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds threshold = 1370ms;
/// Longer by that from round to round, so that they meet Poolscope's clocks at different moments.
constexpr std::chrono::milliseconds laterBy = 210ms;
#ifdef __SANITIZE_ADDRESS__ // several times slower, so that its figures say little
constexpr std::chrono::milliseconds allowed = 4000ms;
#else
constexpr std::chrono::milliseconds allowed = 1000ms;
#endif
constexpr int rounds = 5;

QString words(const char* latin1)
{
    return QString::fromLatin1(latin1);
}

/// How many leaks an array of `poolscope leaks` names with the line that keeps.
int named(const QJsonArray& leaks)
{
    int count = 0;
    for (const QJsonValue& leak : leaks) {
        const QJsonObject object = leak.toObject();
        const QJsonArray stack = object.value(words("stack")).toArray();
        const QString file = stack.at(0).toObject().value(words("file")).toString();
        count += object.value(words("group")).toString().contains(words("agentprocess.cpp:")) &&
                 file.endsWith(words("agentprocess.cpp"));
    }
    return count;
}

} // namespace

class TestLeakTime : public QObject
{
    Q_OBJECT
private slots:
    void init();
    void watch();
    void leaks();
    void window();

private:
    /// Lends one connection after the other and waits for `count` to tell of each.
    void measure(const std::function<int()>& count);
    QStringList thresholds() const
    {
        return {words("--leak-after"), QStringLiteral("%1ms").arg(threshold.count()),
                words("--critical-after"), words("1h")};
    }

    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<AgentProcess> process_;
};

void TestLeakTime::init()
{
    process_.reset();
    folder_ = std::make_unique<QTemporaryDir>();
    process_ = std::make_unique<AgentProcess>(words("unix:") + folder_->filePath(words("a.sock")));
    QVERIFY(!process_->url.isEmpty());
}

void TestLeakTime::measure(const std::function<int()>& count)
{
    for (int round = 1; round <= rounds; ++round) {
        const QDeadlineTimer begins(laterBy * (round - 1));
        QVERIFY(QTest::qWaitFor([&] { return begins.hasExpired(); }));
        QElapsedTimer lent; // begins before the checkout does: what is measured is never too good
        lent.start();
        QVERIFY(process_->order("keep 1"));
        QVERIFY2(QTest::qWaitFor([&] { return count() >= round; }, 20'000),
                 "it is not named at all");
        const auto late = std::chrono::milliseconds{lent.elapsed()} - threshold;
        qInfo("%lld ms after the threshold", static_cast<long long>(late.count()));
        QVERIFY2(late < allowed, qPrintable(QString::number(late.count())));
        QVERIFY2(late > -50ms, "before the threshold it is none");
    }
}

/// At its default interval.
void TestLeakTime::watch()
{
    QProcess poolscope;
    poolscope.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    poolscope.start(inBuild("app/poolscope"),
                    QStringList{words("watch"), process_->url, words("--json")} + thresholds());
    int leaks = -1;
    connect(&poolscope, &QProcess::readyReadStandardOutput, &poolscope, [&] {
        while (poolscope.canReadLine())
            leaks = named(QJsonDocument::fromJson(poolscope.readLine())
                              .object()
                              .value(words("leaks"))
                              .toArray());
    });
    QTRY_COMPARE_WITH_TIMEOUT(leaks, 0, 20'000);
    measure([&] { return leaks; });
    poolscope.terminate();
    QVERIFY(poolscope.waitForFinished(10'000));
    QCOMPARE(poolscope.exitCode(), 0);
}

/// Asked when the threshold has just passed: it attaches, reads the picture, prints and ends.
void TestLeakTime::leaks()
{
    measure([&, lent = QElapsedTimer{}, told = 0]() mutable {
        if (!lent.isValid())
            lent.start();
        if (std::chrono::milliseconds{lent.elapsed()} < threshold)
            return told;
        lent.invalidate();
        QProcess poolscope;
        poolscope.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        poolscope.start(inBuild("app/poolscope"),
                        QStringList{words("leaks"), process_->url, words("--json")} + thresholds());
        poolscope.waitForFinished(20'000);
        told = named(QJsonDocument::fromJson(poolscope.readAllStandardOutput()).array());
        return told;
    });
}

/// From the process to the row of the Leaks page, through capture and recording as in the window.
void TestLeakTime::window()
{
#ifdef POOLSCOPE_GUI
    const support::PageFixture fixture;
    fixture.follow();
    auto& page = static_cast<LeaksPage&>(fixture.show("leaks"));
    AttachRequest request;
    request.target = process_->url;
    fixture.workspace->attach(request);
    LeakThresholds chosen;
    chosen.alert = threshold;
    chosen.critical = 1h;
    fixture.workspace->setThresholds(TargetId{0}, chosen);
    QTRY_VERIFY(fixture.workspace->latest()->targets.size() == 1 &&
                fixture.workspace->latest()->targets.front().last_sample);
    measure([&] {
        const QAbstractItemModel& rows = *page.table().model();
        for (int row = 0; row < rows.rowCount(); ++row) {
            const QModelIndex place = rows.index(row, 0);
            if (!place.data().toString().contains(words("agentprocess.cpp:")))
                continue;
            int suspected = 0;
            for (int below = 0; below < rows.rowCount(place); ++below)
                suspected += rows.index(below, 0, place).data(SeverityRole).toInt() > 0;
            return suspected;
        }
        return 0;
    });
#else
    QSKIP("built without a window");
#endif
}

#ifdef POOLSCOPE_GUI
QTEST_MAIN(TestLeakTime)
#else
QTEST_GUILESS_MAIN(TestLeakTime)
#endif
#include "tst_leaktime.moc"
