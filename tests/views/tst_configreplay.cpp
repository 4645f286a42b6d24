// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/analyze/checkcase.h"
#include "tests/capture/fakesource.h"
#include "tests/views/configpages.h"
#include "ui/theme/theme.h"

#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>

using namespace poolscope;
using namespace poolscope::test;
using namespace poolscope::support;

namespace {

class SteppedClock final : public Clock
{
public:
    Timestamp now() const override { return timestamp_from_us(us_.load()); }
    void advance(Duration by) { us_ += to_us(by); }

private:
    std::atomic<std::int64_t> us_{to_us(poolscope::test::began)};
};

/// A process, where FakeSource is a server.
class FakeProcess final : public FakeSource
{
public:
    explicit FakeProcess(TargetId id)
        : FakeSource(id)
        , process_{id, "pool", "shop-api", "pool://web-1:7070"}
    {}
    const TargetInfo& info() const override { return process_; }

private:
    TargetInfo process_;
};

} // namespace

class TestConfigReplay : public QObject
{
    Q_OBJECT
private slots:
    void replayIsAsItWasLive();
};

/// A server and a process on one capture: what the page says of an instant of it is what it says of
/// that instant in the saved recording, with the load that follows from the past.
void TestConfigReplay::replayIsAsItWasLive()
{
    const QTemporaryDir folder;
    QCoreApplication::setOrganizationName(QStringLiteral("poolscope-test"));
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, folder.path());
    Theme::current().install();
    const auto clock = std::make_shared<SteppedClock>();
    FakeSource* server = nullptr;
    FakeSource* process = nullptr;
    Workspace::Options options;
    options.temporaryFolder = folder.filePath(QStringLiteral("cache"));
    options.clock = clock;
    options.sourceFactory = [&](TargetId id,
                                const AttachRequest&) -> Result<std::unique_ptr<Source>> {
        std::unique_ptr<FakeSource> made =
            server ? std::make_unique<FakeProcess>(id) : std::make_unique<FakeSource>(id);
        (server ? process : server) = made.get();
        return std::unique_ptr<Source>(std::move(made));
    };
    Workspace workspace(options);
    ViewContext context(workspace);
    const auto store = std::make_shared<SessionStore>();
    ConfigurationPage page(context, store, nullptr);
    page.resize(1240, 720);
    connect(&workspace, &Workspace::updated, &page, [&](const UpdatePtr& update) {
        store->apply(*update);
        page.apply(*update);
    });
    connect(&workspace, &Workspace::transportChanged, &page,
            [&](const Transport& transport) { page.setTransport(transport); });
    page.show();
    workspace.attach(AttachRequest{});
    QTRY_VERIFY(server && workspace.latest()->targets.size() == 1);
    workspace.attach(AttachRequest{});
    QTRY_VERIFY(process && workspace.latest()->targets.size() == 2);
    const auto report = [](FakeSource* source, const Fact& fact) {
        QMetaObject::invokeMethod(source, [source, fact] { source->report(fact); });
    };
    const CheckTarget told = server_of(8, 3);
    report(server, FactsReported{*told.facts});
    report(server, SettingsReported{*told.settings});
    Session session;
    session.key = {TargetId{1}, Pid{4711}, poolscope::test::began - 1h};
    session.user = Text{std::string("app")};
    session.client = Text{std::string("10.0.0.1:50000")};
    session.backend_type = Text{std::string("client backend")};
    session.state = SessionState::active;
    ServerSample sessions;
    sessions.full = true;
    sessions.changed = {session};
    report(server, sessions);
    constexpr std::size_t seconds = 100;
    for (std::size_t i = 0; i < seconds; ++i) {
        clock->advance(1s);
        PoolSample sample;
        sample.full = i == 0;
        Pool pool = pool_of("hikaricp", hikari);
        pool.database = Text{std::string("postgresql://10.9.9.9:5432/shop")}; // only joined
        pool.max = 10;
        pool.used = 10;
        pool.pending = static_cast<std::int64_t>(3 + i % 2);
        sample.pools = {pool};
        if (i == 0) {
            Checkout checkout;
            checkout.key = {TargetId{2}, Text{std::string("c1")}};
            checkout.pool = pool.name;
            checkout.server_pid = 4711;
            checkout.local_port = std::uint16_t{50000};
            checkout.acquired = clock->now();
            checkout.busy = true;
            checkout.busy_since = clock->now();
            sample.changed = {checkout};
        }
        report(process, sample);
        QTRY_VERIFY(workspace.latest()->targets.back().last_sample == clock->now());
    }
    QTRY_VERIFY(raises(page, "maxima_over_capacity")); // by the join alone
    std::size_t points = 0;
    const auto committed = [&] {
        workspace.poolSeries(poolscope::test::began, clock->now(), check_load_points,
                             [&](const std::vector<PoolSeries>& series) {
                                 points = series.empty() ? 0 : series.front().points.size();
                             });
        return points == seconds;
    };
    QTRY_VERIFY(committed());
    QTRY_VERIFY(raises(page, "pool_too_small")); // as asked now and then at the live edge
    const Timestamp early = poolscope::test::began + 20s;
    const Timestamp at = clock->now();
    const auto isAt = [&](Timestamp instant) {
        return workspace.latest()->now == instant &&
               !answer(page).contains(QStringLiteral("being read"));
    };
    workspace.seek(early); // behind the capture, which goes on
    QTRY_VERIFY(isAt(early));
    QVERIFY(!raises(page, "pool_too_small")); // 20 s are no load yet
    workspace.seek(at);
    QTRY_VERIFY(isAt(at));
    QVERIFY(raises(page, "pool_too_small"));
    QVERIFY(raises(page, "maxima_over_capacity"));
    const ConfigReport live = page.report();
    const QString said = answer(page);

    const QString file = folder.filePath(QStringLiteral("night.poolrec"));
    QSignalSpy saved(&workspace, &Workspace::saved);
    workspace.save(file);
    QTRY_COMPARE(saved.count(), 1);
    workspace.open(file);
    QTRY_COMPARE(workspace.transport().mode, Mode::replay);
    workspace.seek(early);
    QTRY_VERIFY(isAt(early));
    QVERIFY(!raises(page, "pool_too_small"));
    QVERIFY(raises(page, "maxima_over_capacity"));
    workspace.seek(at);
    QTRY_VERIFY(isAt(at));
    QVERIFY(page.report() == live);
    QCOMPARE(answer(page), said);
}

QTEST_MAIN(TestConfigReplay)
#include "tst_configreplay.moc"
