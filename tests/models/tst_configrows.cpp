// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/analyze/checkcase.h"
#include "ui/models/configrows.h"
#include "ui/models/roles.h"

#include <QAbstractItemModelTester>
#include <QItemSelectionModel>
#include <QTest>

#include <random>

using namespace poolscope;
using namespace poolscope::test;

namespace {

QString cell(const TreeNode& node, ConfigColumn column)
{
    return node.cells.at(static_cast<std::size_t>(column)).text;
}

/// A server with room for 8: the pools ask for 25. HikariCP's threshold for leaks is one that it
/// ignores, and SQLAlchemy's tests nothing.
CheckInput troubled()
{
    return on(server_of(8, 0),
              {pool_of("hikaricp", with(hikari, "leakDetectionThreshold", "1000")),
               pool_of("sqlalchemy", with(sqlalchemy, "pool_pre_ping", "false"), "reports")});
}

TreeNodes rowsOf(const CheckInput& input, const QString& filter, ConfigGrouping grouping,
                 ConfigCounts* counts = nullptr)
{
    return configRows(SessionStore{}, input, check_configuration(input), filter, grouping, counts);
}

QStringList idsIn(const QAbstractItemModel& model, const QModelIndex& parent = {})
{
    QStringList ids;
    for (int i = 0; i < model.rowCount(parent); ++i) {
        const QModelIndex row = model.index(i, 0, parent);
        ids += dynamic_cast<const TreeModel&>(model).node(row)->id;
        ids += idsIn(model, row);
    }
    return ids;
}

} // namespace

class TestConfigRows : public QObject
{
    Q_OBJECT
private slots:
    void underTheirPool();
    void oneByOne();
    void theFilterNarrows();
    void linesToCopy_data();
    void linesToCopy();
    void aServersOwnLine();
    void whatIsNotProposed();
    void hostileText();
    void namesThatOnlyBytesTellApart();
    void oneRuleTwice();
    void rowsStayTheSame();
    void asAWorldTellsIt();
    void whatGrowsByItself();
    void whatWasLookedAt();
};

void TestConfigRows::underTheirPool()
{
    const CheckInput input = troubled();
    ConfigCounts counts;
    const TreeNodes rows = rowsOf(input, {}, ConfigGrouping::pool, &counts);
    QCOMPARE(counts.critical, 1);
    QCOMPARE(counts.all(), counts.shown);
    QVERIFY(counts.warning >= 1);
    QCOMPARE(rows.size(), std::size_t{2});
    // The larger share is SQLAlchemy's 15: that is where the sum is cut.
    const TreeNode& worst = *rows.front();
    QVERIFY(worst.group);
    QCOMPARE(cell(worst, ConfigColumn::setting),
             QStringLiteral("reports  of shop-api, SQLAlchemy"));
    QCOMPARE(cell(worst, ConfigColumn::severity), QStringLiteral("critical"));
    QVERIFY(cell(worst, ConfigColumn::sentence).startsWith(QStringLiteral("1 critical")));
    QCOMPARE(worst.severity, static_cast<int>(LeakSeverity::critical));
    const TreeNode& first = *worst.children.front();
    QCOMPARE(cell(first, ConfigColumn::setting), QStringLiteral("pool_size"));
    QCOMPARE(cell(first, ConfigColumn::value), QStringLiteral("5"));
    QCOMPARE(first.severity, static_cast<int>(LeakSeverity::critical));
    QVERIFY(std::any_of(worst.children.begin(), worst.children.end(), [](const auto& each) {
        return cell(*each, ConfigColumn::setting) == QStringLiteral("pool_pre_ping") &&
               cell(*each, ConfigColumn::value) == QStringLiteral("false") &&
               cell(*each, ConfigColumn::proposed) == QStringLiteral("true") &&
               each->severity == static_cast<int>(LeakSeverity::alert);
    }));
    const TreeNode& other = *rows.back();
    QVERIFY(cell(other, ConfigColumn::setting).startsWith(QStringLiteral("orders  of shop-api")));
}

void TestConfigRows::oneByOne()
{
    const CheckInput input = troubled();
    const ConfigReport report = check_configuration(input);
    const TreeNodes flat = rowsOf(input, {}, ConfigGrouping::none);
    QCOMPARE(flat.size(), report.findings.size());
    const QStringList ids = findingIds(report);
    for (std::size_t i = 0; i < flat.size(); ++i) {
        QVERIFY(!flat[i]->group);
        QCOMPARE(flat[i]->id, ids.at(static_cast<qsizetype>(i)));
    }
    QCOMPARE(cell(*flat.front(), ConfigColumn::pool), QStringLiteral("reports"));
    // Two processes with pools: each is named.
    CheckInput two = troubled();
    two.targets.push_back(
        process_of({pool_of("r2d2", with(r2d2, "test_on_check_out", "false"), "a")}, TargetId{9}));
    two.targets.back().info.name = "billing";
    for (const auto& row : rowsOf(two, {}, ConfigGrouping::none)) {
        const QString where = cell(*row, ConfigColumn::pool);
        QVERIFY2(where.startsWith(QStringLiteral("billing: ")) ||
                     where.startsWith(QStringLiteral("shop-api: ")),
                 qPrintable(where));
    }
    // The same rows stand under their pools.
    QStringList under;
    for (const auto& head : rowsOf(input, {}, ConfigGrouping::pool)) {
        for (const auto& child : head->children)
            under += child->id;
    }
    QCOMPARE(QSet<QString>(under.begin(), under.end()), QSet<QString>(ids.begin(), ids.end()));
    QCOMPARE(under.size(), ids.size());
}

void TestConfigRows::theFilterNarrows()
{
    const CheckInput input = troubled();
    const auto shown = [&](const char* filter) {
        ConfigCounts counts;
        const TreeNodes rows = rowsOf(input, QLatin1String(filter), ConfigGrouping::none, &counts);
        // Counted is everything, whatever is shown.
        return counts.critical == 1 && counts.shown == static_cast<int>(rows.size()) ? counts.shown
                                                                                     : -1;
    };
    const int all = shown("");
    QVERIFY(all >= 3);
    QCOMPARE(shown("PRE_PING"), 1);
    QCOMPARE(shown("critical"), 1);
    QCOMPARE(shown("no_validation"), 1);
    const int hikari = shown("HikariCP");
    const int alchemy = shown("sqlalchemy");
    QVERIFY(hikari > 0 && alchemy > 1 && hikari < all && alchemy < all);
    QCOMPARE(shown("shop-api"), all);
    QCOMPARE(shown("no such thing"), 0);
    QVERIFY(rowsOf(input, QStringLiteral("no such thing"), ConfigGrouping::pool).empty());
}

void TestConfigRows::linesToCopy_data()
{
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("setting");
    QTest::addColumn<QString>("proposed");
    QTest::addColumn<QString>("line");
    const auto row = [](const char* kind, const char* setting, const char* proposed,
                        const char* line) {
        QTest::addRow("%s %s %s", kind, setting, proposed) << kind << setting << proposed << line;
    };
    row("hikaricp", "maximumPoolSize", "12", "maximumPoolSize=12");
    row("hikaricp", "maxLifetime", "290000", "maxLifetime=290000");
    row("dbcp2", "testOnBorrow", "true", "testOnBorrow=true");
    row("tomcat-jdbc", "maxActive", "7", "maxActive=7");
    row("druid", "phyTimeoutMillis", "290000", "phyTimeoutMillis=290000");
    row("sqlalchemy", "pool_size", "3", "pool_size=3");
    row("sqlalchemy", "pool_pre_ping", "true", "pool_pre_ping=True");
    row("database/sql", "SetMaxOpenConns", "20", "db.SetMaxOpenConns(20)");
    row("database/sql", "SetConnMaxLifetime", "290s", "db.SetConnMaxLifetime(290 * time.Second)");
    row("database/sql", "SetConnMaxLifetime", "0.4s",
        "db.SetConnMaxLifetime(400 * time.Millisecond)");
    row("r2d2", "max_size", "12", ".max_size(12)");
    row("r2d2", "min_idle", "3", ".min_idle(Some(3))");
    row("r2d2", "test_on_check_out", "true", ".test_on_check_out(true)");
    row("r2d2", "connection_timeout", "5s", ".connection_timeout(Duration::from_secs(5))");
    row("r2d2", "max_lifetime", "290s", ".max_lifetime(Some(Duration::from_secs(290)))");
    row("diesel", "max_size", "12", ".max_size(12)");
    row("diesel", "max_lifetime", "290s", ".max_lifetime(Some(Duration::from_secs(290)))");
    row("poolscope", "max_connections", "6", "config.max_connections = 6;");
    row("poolscope", "acquire_timeout", "5 s", "config.acquire_timeout = std::chrono::seconds{5};");
    row("poolscope", "validation_on_acquire", "true", "config.validation_on_acquire = true;");
    row("pgbouncer", "default_pool_size", "15", "default_pool_size = 15");
    row("pgbouncer", "pool_mode", "transaction", "pool_mode = transaction");
    // What is not known is not made up.
    row("homemade", "max", "12", "");
    row("hikaricp", "max", "12", "");
    row("sqlalchemy", "pool_size + max_overflow", "12", "");
    row("database/sql", "SetConnMaxLifetime", "soon", "");
}

void TestConfigRows::linesToCopy()
{
    QFETCH(QString, kind);
    QFETCH(QString, setting);
    QFETCH(QString, proposed);
    QFETCH(QString, line);
    const CheckInput input = alone(pool_of(qPrintable(kind), {}));
    ConfigFinding finding;
    finding.target = process_id;
    finding.pool = Text{std::string("orders")};
    finding.setting = setting.toStdString();
    finding.proposed = proposed.toStdString();
    QCOMPARE(settingLine(input, finding), line);
}

void TestConfigRows::aServersOwnLine()
{
    CheckTarget server = server_of();
    server.settings->all.front().value = "0"; // idle_in_transaction_session_timeout
    const CheckInput input{{server}, {}, {}};
    const ConfigReport report = check_configuration(input);
    QCOMPARE(report.findings.size(), std::size_t{1});
    const ConfigFinding& finding = report.findings.front();
    QCOMPARE(settingLine(input, finding),
             QStringLiteral("idle_in_transaction_session_timeout = '5min'"));
    QCOMPARE(subjectWords(input, finding), QStringLiteral("server shop-db"));
    QCOMPARE(systemWords(input, finding), QStringLiteral("PostgreSQL"));
    const TreeNodes rows = rowsOf(input, {}, ConfigGrouping::pool);
    QCOMPARE(rows.size(), std::size_t{1});
    QCOMPARE(cell(*rows.front(), ConfigColumn::setting), QStringLiteral("shop-db  PostgreSQL"));
    QCOMPARE(rows.front()->children.front()->severity, infoSeverity); // advice is no tick
}

void TestConfigRows::whatIsNotProposed()
{
    const CheckInput input =
        on(server_of(), {pool_of("sqlalchemy", with(sqlalchemy, "pool_size", "0"))});
    const ConfigReport report = check_configuration(input);
    const auto found =
        std::find_if(report.findings.begin(), report.findings.end(),
                     [](const ConfigFinding& each) { return each.rule == "unlimited_size"; });
    QVERIFY(found != report.findings.end());
    QVERIFY(found->proposed.empty());
    QVERIFY(settingLine(input, *found).isEmpty());
    const TreeNodes rows = rowsOf(input, QStringLiteral("unlimited_size"), ConfigGrouping::none);
    QCOMPARE(rows.size(), std::size_t{1});
    const TreeCell& proposed =
        rows.front()->cells.at(static_cast<std::size_t>(ConfigColumn::proposed));
    QCOMPARE(proposed.text, QStringLiteral("it depends"));
    QVERIFY(!proposed.copy.isNull() && proposed.copy.isEmpty());
}

void TestConfigRows::hostileText()
{
    Pool pool = pool_of("dbcp2", with(dbcp2, "maxWaitMillis", "-1"), "a\x1b[31m<b>\nb");
    pool.database = Text{std::string(5000, 'x') + "://"};
    CheckInput input = on(server_of(), {pool});
    input.targets.back().info.name = "app\n\x1b[2J" + std::string(5000, 'y');
    const ConfigReport report = check_configuration(input);
    QVERIFY(!report.findings.empty());
    ConfigFinding wild = report.findings.front();
    wild.setting = wild.value = wild.proposed = wild.sentence =
        "\x1b]0;x\a\n" + std::string(9000, 'z');
    ConfigReport both = report;
    both.findings.push_back(wild);
    for (const ConfigGrouping grouping : {ConfigGrouping::none, ConfigGrouping::pool}) {
        const TreeNodes rows = configRows(SessionStore{}, input, both, {}, grouping);
        QVERIFY(!rows.empty());
        const auto plain = [](const TreeNode& node) {
            return std::all_of(node.cells.begin(), node.cells.end(), [](const TreeCell& each) {
                const QString all = each.text + each.tip + each.copy;
                return all.size() < 7000 &&
                       std::none_of(all.begin(), all.end(), [](QChar c) { return c < u' '; });
            });
        };
        for (const auto& row : rows) {
            QVERIFY(plain(*row));
            QVERIFY(std::all_of(row->children.begin(), row->children.end(),
                                [&](const auto& child) { return plain(*child); }));
        }
    }
    QVERIFY(!subjectWords(input, wild).contains(QChar(0x1b)));
    QVERIFY(settingLine(input, wild).isEmpty());
}

void TestConfigRows::namesThatOnlyBytesTellApart()
{
    const Config tested = with(dbcp2, "testOnBorrow", "false");
    const CheckInput input = alone(pool_of("dbcp2", tested, "a\xff"));
    CheckInput two = input;
    two.targets.front().pools.push_back(pool_of("dbcp2", tested, "a\xfe"));
    const TreeNodes rows = rowsOf(two, {}, ConfigGrouping::pool);
    QCOMPARE(rows.size(), std::size_t{2});
    QVERIFY(rows.front()->id != rows.back()->id);
}

void TestConfigRows::oneRuleTwice()
{
    ConfigFinding finding;
    finding.target = process_id;
    finding.pool = Text{std::string("orders")};
    finding.rule = "idle_past_server_timeout";
    finding.setting = "maxLifetime";
    const QStringList ids = findingIds({{finding, finding, finding}, {}});
    QCOMPARE(QSet<QString>(ids.begin(), ids.end()).size(), 3);
}

/// Whatever comes and goes: what is chosen stays chosen, and the model tells the truth.
void TestConfigRows::rowsStayTheSame()
{
    const auto model = makeConfigModel(nullptr);
    const QAbstractItemModelTester tester(model.get(),
                                          QAbstractItemModelTester::FailureReportingMode::Fatal);
    QItemSelectionModel selection(model.get());
    std::mt19937 random(7);
    const auto chance = [&](unsigned percent) {
        return random() % 100 < percent;
    };
    QString chosen;
    int kept = 0;
    for (int round = 0; round < 300; ++round) {
        std::vector<Pool> pools;
        for (const char* name : {"a", "b", "c", "d"}) {
            if (chance(30))
                continue;
            Config config = hikari;
            config = with(config, "maximumPoolSize", chance(50) ? "10" : "80");
            config = with(config, "minimumIdle", chance(50) ? "10" : "90");
            config = with(config, "connectionTimeout", chance(50) ? "5000" : "0");
            config = with(config, "leakDetectionThreshold", chance(50) ? "0" : "1000");
            pools.push_back(pool_of("hikaricp", config, name));
        }
        const CheckInput input = on(server_of(), std::move(pools));
        const ConfigReport report = check_configuration(input);
        const auto grouping = chance(80) ? ConfigGrouping::pool : ConfigGrouping::none;
        const QString filter = chance(20) ? QStringLiteral("leak") : QString();
        model->replace(configRows(SessionStore{}, input, report, filter, grouping));
        const auto fresh = makeConfigModel(nullptr);
        fresh->replace(configRows(SessionStore{}, input, report, filter, grouping));
        QCOMPARE(idsIn(*model), idsIn(*fresh));
        const QModelIndexList now = selection.selectedRows();
        if (!now.isEmpty()) {
            QCOMPARE(model->node(now.front())->id, chosen);
            ++kept;
        } else if (model->rowCount() > 0) {
            QModelIndex row = model->index(0, 0);
            if (model->rowCount(row) > 0)
                row = model->index(0, 0, row);
            chosen = model->node(row)->id;
            selection.select(row, QItemSelectionModel::ClearAndSelect | QItemSelectionModel::Rows);
        }
    }
    QVERIFY2(kept > 30, qPrintable(QString::number(kept)));
}

/// What a view knows of an instant is judged as the world of that instant.
void TestConfigRows::asAWorldTellsIt()
{
    World world;
    std::uint64_t n = 0;
    const auto tell = [&](TargetId target, Fact fact) {
        world.apply({SequenceNumber{++n}, poolscope::test::began + std::chrono::seconds{n}, target,
                     std::move(fact)});
    };
    const CheckTarget server = server_of(100, 3, {limit_of(SettingScope::role, "app", "8")});
    tell(server_id, TargetAttached{server.info});
    tell(server_id, FactsReported{*server.facts});
    tell(server_id, SettingsReported{*server.settings});
    ServerSample sessions;
    sessions.full = true;
    for (int i = 0; i < 3; ++i) {
        Session session;
        session.key = {server_id, Pid{4711 + i}, poolscope::test::began};
        session.user = Text{std::string("app")};
        session.database = Text{std::string("shop")};
        session.client = Text{"10.0.0.1:" + std::to_string(50000 + i)};
        session.backend_type = Text{std::string("client backend")};
        session.state = SessionState::idle;
        sessions.changed.push_back(session);
    }
    tell(server_id, sessions);
    tell(process_id, TargetAttached{process_of({}).info});
    PoolSample sample;
    sample.full = true;
    Pool pool = pool_of("hikaricp", hikari);
    pool.database = Text{std::string("postgresql://10.1.1.1:5432/shop")}; // leads nowhere
    sample.pools = {pool};
    for (int i = 0; i < 3; ++i) {
        Checkout checkout;
        checkout.key = {process_id, Text{"c" + std::to_string(i)}};
        checkout.pool = pool.name;
        checkout.server_pid = 4711 + i;
        checkout.local_port = static_cast<std::uint16_t>(50000 + i);
        checkout.acquired = poolscope::test::began + 5s;
        sample.changed.push_back(checkout);
    }
    tell(process_id, sample);

    Update update;
    update.reset = true;
    update.now = world.now();
    for (const auto& [id, state] : world.targets()) {
        TargetSummary summary;
        summary.info = state.info;
        summary.facts = state.facts;
        summary.settings = state.settings;
        for (const auto& [name, each] : state.pools.pools)
            summary.pools.push_back(each);
        summary.places = find_places(state.pools, Judging{}, world.now());
        update.targets.push_back(summary);
        for (const auto& [pid, session] : state.sessions)
            update.changed.push_back({session, 0});
        for (const auto& [key, checkout] : state.pools.checkouts)
            update.checkouts.push_back(checkout);
    }
    SessionStore store;
    store.apply(update);
    const CheckInput input = configInput(store);
    QCOMPARE(input.routes.size(), std::size_t{1}); // three checkouts go one way
    QVERIFY(input.routes == check_input(world).routes);
    const ConfigReport report = check_configuration(input);
    QVERIFY(report == check_configuration(check_input(world)));
    QCOMPARE(report.findings.size(), std::size_t{1});
    QCOMPARE(report.findings.front().rule, std::string("maxima_over_role_limit"));

    // Suspected leaks keep a size from being judged; a view knows them by their places.
    for (TargetSummary& each : update.targets) {
        for (Place& place : each.places)
            place.suspected = 2;
    }
    store.apply(update);
    const CheckInput leaking = configInput(store);
    const auto& suspected = leaking.targets.back().suspected;
    QCOMPARE(suspected.at(pool.name), 2 * std::ssize(update.targets.back().places));
    QVERIFY(!sameConfiguration(input, leaking));
}

void TestConfigRows::whatGrowsByItself()
{
    const CheckInput before = troubled();
    CheckInput after = before;
    Pool& pool = after.targets.back().pools.front();
    pool.used = 7;
    pool.pending = 3;
    pool.use_time = DurationSummary{5000, {}, 10ms, 20ms};
    QVERIFY(sameConfiguration(before, after));
    pool.max = 11;
    QVERIFY(!sameConfiguration(before, after));
    pool.max.reset();
    QVERIFY(sameConfiguration(before, after));
    pool.configuration.front().second = "11";
    QVERIFY(!sameConfiguration(before, after));
    after = before;
    after.targets.front().facts->max_connections = 9;
    QVERIFY(!sameConfiguration(before, after));
    after = before;
    after.targets.front().settings.reset();
    QVERIFY(!sameConfiguration(before, after));
    after = before;
    after.targets.pop_back();
    QVERIFY(!sameConfiguration(before, after));
}

void TestConfigRows::whatWasLookedAt()
{
    CheckInput input = on(server_of(), {pool_of("database/sql", go)});
    Pool silent;
    silent.name = Text{std::string("dark")};
    input.targets.back().pools.push_back(silent);
    const ConfigExtent extent = configExtent(input);
    QCOMPARE(extent.pools, 1);
    QCOMPARE(extent.silent, 1);
    QCOMPARE(extent.servers, 1);
    QCOMPARE(extentWords(extent), QStringLiteral("6 settings of 1 pool and 1 server"));
    QCOMPARE(extentLines(input, 5),
             (QStringList{QStringLiteral("Server shop-db, PostgreSQL: 2 settings"),
                          QStringLiteral("Pool orders of shop-api, database/sql: 4 settings")}));
    QCOMPARE(extentLines(input, 1).back(), QStringLiteral("And 1 more"));
    QVERIFY(configExtent({{process_of({silent})}, {}, {}}).none());
    QVERIFY(configExtent({}).none());
}

QTEST_GUILESS_MAIN(TestConfigRows)
#include "tst_configrows.moc"
