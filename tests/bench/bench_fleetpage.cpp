// SPDX-License-Identifier: GPL-3.0-or-later
// A fleet's 5,000 pools in the real pages: what one sample of all of them costs the GUI thread.
#include "tests/views/pagefixture.h"
#include "ui/views/datatable.h"

#include <QTest>

#include <cstdio>
#include <ctime>
#include <random>

using namespace poolscope;
using namespace poolscope::support;
using namespace std::chrono_literals;

namespace {

constexpr int poolCount = 5000;
constexpr int rounds = 40;

double milliseconds(std::clock_t begin)
{
    return 1e3 * double(std::clock() - begin) / CLOCKS_PER_SEC;
}

double median(std::vector<double> times)
{
    std::nth_element(times.begin(), times.begin() + std::ssize(times) / 2, times.end());
    return times[times.size() / 2];
}

/// Ten services of 500 instances, of which a tenth changes from sample to sample.
class Fleet
{
public:
    Fleet()
    {
        target_.info = {TargetId{1}, "metrics", "prometheus:9090",
                        "prometheus+http://prometheus:9090/api/v1"};
        target_.status.reach = Reach::up;
        for (int i = 0; i < poolCount; ++i) {
            Pool pool;
            pool.name = Text("service-" + std::to_string(i / 500) + " (10.0." +
                             std::to_string(i / 250) + '.' + std::to_string(i % 250) + ":8080)");
            pool.kind = Text("hikaricp");
            pool.max = 20;
            change(pool);
            target_.pools.push_back(std::move(pool));
        }
        std::sort(target_.pools.begin(), target_.pools.end(),
                  [](const Pool& a, const Pool& b) { return a.name < b.name; });
    }
    Update next(bool reset)
    {
        now_ += 15s;
        for (int i = 0; i < poolCount / 10; ++i)
            change(target_.pools[random_() % poolCount]);
        target_.last_sample = now_;
        Update update;
        update.reset = reset;
        update.now = now_;
        update.targets = {target_};
        update.actions = std::make_shared<const std::vector<ActionRecord>>();
        update.notes = std::make_shared<const std::vector<NoteRecord>>();
        for (const Pool& pool : target_.pools)
            update.live_pool_points.push_back(
                {TargetId{1}, pool.name, {pool_point(pool, now_, false)}});
        return update;
    }

private:
    void change(Pool& pool)
    {
        const auto used = static_cast<std::int64_t>(random_() % 21);
        pool.used = used;
        pool.idle = 20 - used;
        pool.total = 20;
        pool.pending = used == 20 ? static_cast<std::int64_t>(random_() % 9) : 0;
        pool.timeouts = pool.timeouts.value_or(0) + (pool.pending.value_or(0) > 6 ? 1 : 0);
    }

    TargetSummary target_;
    Timestamp now_ = SyntheticUpdates::start();
    std::mt19937 random_{1};
};

} // namespace

class BenchFleetPage : public QObject
{
    Q_OBJECT
private slots:
    void sample_data();
    void sample();
};

void BenchFleetPage::sample_data()
{
    QTest::addColumn<QByteArray>("page");
    QTest::newRow("pools") << QByteArray("pools");
    QTest::newRow("overview") << QByteArray("overview");
}

void BenchFleetPage::sample()
{
    QFETCH(QByteArray, page);
    PageFixture f{{1440, 900}};
    Page& shown = f.show(page.constData());
    Fleet fleet;
    const std::clock_t first = std::clock();
    f.apply(fleet.next(true));
    QCoreApplication::processEvents();
    const double opening = milliseconds(first);
    if (page == "pools")
        QCOMPARE(shown.findChild<DataTable*>()->model()->rowCount(), poolCount);
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i) {
        const Update update = fleet.next(false);
        const std::clock_t begin = std::clock();
        f.apply(update);
        for (int events = 0; events < 3; ++events)
            QCoreApplication::processEvents();
        times.push_back(milliseconds(begin));
    }
    std::printf("%d pools, 10 %% changed, %s shown; processor ms of all pages: first %.1f, then "
                "median %.1f, worst %.1f\n",
                poolCount, page.constData(), opening, median(times),
                *std::max_element(times.begin(), times.end()));
    std::fflush(stdout);
    QVERIFY2(median(times) < 200, "a fleet makes the window stutter");
}

QTEST_MAIN(BenchFleetPage)
#include "bench_fleetpage.moc"
