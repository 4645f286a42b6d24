// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/capture/workspacefixture.h"

#include <QSignalSpy>

using namespace poolscope;

namespace {

const TargetId target{1};

StackRef at_line(int line)
{
    return make_stack({{Text{"Pool::acquire"}, Text{"pool.h"}, 90, false},
                       {Text{"place_order"}, Text{"/src/checkout.cpp"}, line, true}});
}

Checkout checkout(int id, Timestamp acquired, int line)
{
    Checkout c;
    c.key = {target, Text{std::to_string(id)}};
    c.pool = Text{"main"};
    c.connection = Text{"c" + std::to_string(id)};
    c.acquired = acquired;
    c.acquired_by = Text{"ann"};
    c.server_pid = 4000 + id;
    c.tags = {{Text{"route"}, Text{"/orders"}}};
    c.stack = at_line(line);
    return c;
}

/// What the window believes of an instrumented process, at each instant.
struct Window
{
    std::map<CheckoutKey, Checkout> checkouts;
    std::vector<PoolPoint> points;
    struct Moment
    {
        std::map<CheckoutKey, Checkout> checkouts;
        TargetSummary summary;
    };
    std::map<Timestamp, Moment> past;

    void apply(const Update& update)
    {
        if (update.reset)
            checkouts.clear();
        for (const CheckoutKey& key : update.checkouts_gone)
            checkouts.erase(key);
        for (const Checkout& one : update.checkouts)
            checkouts[one.key] = one;
        for (const PoolSeries& series : update.live_pool_points)
            points.insert(points.end(), series.points.begin(), series.points.end());
    }
};

} // namespace

class TestPoolWorkspace : public QObject
{
    Q_OBJECT

    Fixture f;
    Window window;

    bool sample(const PoolSample& what, Duration later = 1s);
    bool record();

private slots:
    void initTestCase();
    void replaysTheSame();
    void chartsTheSame();
    void tellsWhoHeld();
};

bool TestPoolWorkspace::sample(const PoolSample& what, Duration later)
{
    f.clock->advance(later);
    const Timestamp at = f.clock->now();
    QMetaObject::invokeMethod(f.source, [this, what] { f.source->report(what); });
    return QTest::qWaitFor([this, at] {
        return !f.last->targets.empty() && f.last->targets.front().last_sample == at;
    });
}

/// A minute and a half of a pool that leaks at one line, with a gap, a timeout and a reclaim.
bool TestPoolWorkspace::record()
{
    Pool main;
    main.name = Text{"main"};
    main.kind = Text{"poolscope"};
    main.max = 10;
    for (int second = 1; second <= 90; ++second) {
        PoolSample s;
        const Timestamp now = f.clock->now() + 1s;
        if (second == 50) {
            QMetaObject::invokeMethod(f.source,
                                      [this] { f.source->report(Gap{"events were lost"}); });
            s.full = true;
            for (const auto& [key, one] : window.checkouts)
                s.changed.push_back(one);
        }
        if (second % 10 == 1)
            s.changed.push_back(checkout(100 + second, now, 88));
        if (second % 10 == 3)
            s.changed.push_back(checkout(500 + second, now, 120));
        std::sort(s.changed.begin(), s.changed.end(),
                  [](const Checkout& a, const Checkout& b) { return a.key < b.key; });
        if (second % 10 == 9 && second > 10)
            s.ended.push_back({Text{std::to_string(500 + second - 6)}, now});
        s.brief = {{main.name, at_line(12), 40, 200ms, 9ms}};
        main.used = std::min<std::int64_t>(10, 1 + second / 10);
        main.timeouts = second / 30;
        s.pools = {main};
        if (second == 70)
            s.timeouts = {{main.name, now, 5s, Text{"bob"}, at_line(88)}};
        if (!sample(s))
            return false;
        window.past[f.clock->now()] = {window.checkouts, f.last->targets.front()};
    }
    return true;
}

void TestPoolWorkspace::initTestCase()
{
    QObject::connect(f.workspace.get(), &Workspace::updated, this,
                     [this](const UpdatePtr& update) { window.apply(*update); });
    QVERIFY(f.attach());
    AgentFacts facts;
    facts.protocol = 1;
    facts.process = "shop-api";
    facts.pid = 4711;
    facts.may_reclaim = true;
    QMetaObject::invokeMethod(f.source, [this, facts] { f.source->report(AgentReported{facts}); });
    PoolSample picture;
    picture.full = true;
    picture.opened = {{{Text{"main"}, Text{"c1"}}, start, 4001, {}, Text{"healthy"}}};
    QVERIFY(sample(picture));
    QVERIFY(record());

    f.workspace->reclaim({CheckoutKey{target, Text{"101"}}});
    QTRY_VERIFY(f.last->actions->size() == 1 &&
                f.last->actions->front().phase == ActionPhase::accepted);
    const ActionRecord action = f.last->actions->front();
    QCOMPARE(action.verb, ActionVerb::reclaim);
    QCOMPARE(action.checkout.id.str(), std::string{"101"});
    QCOMPARE(action.subject, std::string{"c101 of main, held for 1 min 29 s by checkout.cpp:88"});
    QVERIFY(sample(PoolSample{}));
}

void TestPoolWorkspace::replaysTheSame()
{
    const std::vector<Mark> marks = *f.workspace->marks();
    QVERIFY(marks.size() >= 3); // a leak, a timeout, the reclaim
    const QString file = f.folder.filePath(QStringLiteral("night.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(file);
    QTRY_COMPARE(saved.count(), 1);
    std::vector<PoolPoint> live;
    std::swap(live, window.points);

    f.workspace->open(file);
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    QTRY_VERIFY(!f.last->targets.empty());
    QCOMPARE(f.last->actions->size(), 1U);
    QCOMPARE(f.last->actions->front().checkout.id.str(), std::string{"101"});
    int suspected = 0;
    for (const int second : {90, 3, 49, 51, 52, 75, 34, 35, 89}) {
        const Timestamp to = start + std::chrono::seconds{second};
        QVERIFY(f.seek(to));
        const Window::Moment& then = window.past.at(to);
        QVERIFY2(window.checkouts == then.checkouts, qPrintable(QString::number(second)));
        QVERIFY2(f.last->targets.front() == then.summary, qPrintable(QString::number(second)));
        for (const Place& place : f.last->targets.front().places)
            suspected += place.suspected;
    }
    QVERIFY(suspected > 10);
    QTRY_VERIFY(*f.workspace->marks() == marks);
    window.points = live;
}

void TestPoolWorkspace::chartsTheSame()
{
    std::vector<PoolSeries> series;
    f.workspace->poolSeries(start, start + 200s, 1000,
                            [&](const std::vector<PoolSeries>& found) { series = found; });
    QTRY_COMPARE(series.size(), size_t{1});
    QCOMPARE(series.front().pool.str(), std::string{"main"});
    QVERIFY(series.front().points == window.points);
    QCOMPARE(std::count_if(window.points.begin(), window.points.end(),
                           [](const PoolPoint& p) { return p.gap_before; }),
             1);
}

void TestPoolWorkspace::tellsWhoHeld()
{
    std::vector<HeldPlace> held;
    f.workspace->held(start + 11s, start + 31s,
                      [&](const std::vector<HeldPlace>& found) { held = found; });
    QTRY_COMPARE(held.size(), size_t{3});
    QCOMPARE(acquiring_line(held[0].stack.get())->line, 88);
    QVERIFY(held[0].held > Duration{20s});
    QCOMPARE(acquiring_line(held[2].stack.get())->line, 12);
    QCOMPARE(held[2].count, 20U * 40U);
    // A question for another range takes the place of one that is still being answered.
    int answers = 0;
    for (int i = 0; i < 20; ++i)
        f.workspace->held(start, start + 90s, [&](const auto&) { ++answers; });
    QTRY_VERIFY(answers >= 1);
}

QTEST_GUILESS_MAIN(TestPoolWorkspace)
#include "tst_poolworkspace.moc"
