// SPDX-License-Identifier: GPL-3.0-or-later
// What kind a target is, what it can tell, and what answered.
#include "ui/models/findings.h"
#include "ui/models/sessioncolumns.h"
#include "ui/models/targetkinds.h"

#include <QTest>

using namespace poolscope;

namespace {

TargetSummary target(const char* kind, const char* url)
{
    TargetSummary summary;
    summary.info = {TargetId{1}, kind, "shop", url};
    return summary;
}

TargetSummary answered(const char* kind, const char* url, const char* version)
{
    TargetSummary summary = target(kind, url);
    summary.facts.emplace();
    summary.facts->version = version;
    return summary;
}

} // namespace

class TargetKindsTest : public QObject
{
    Q_OBJECT
private slots:
    void families_data();
    void families();
    void formsAreOfTheirFamily();
    void ofASource();
    void products_data();
    void products();
    void xminOfWhatHasNone();
    void metricsKnowNobody();
};

void TargetKindsTest::families_data()
{
    QTest::addColumn<QString>("target");
    QTest::addColumn<TargetFamily>("family");
    const auto row = [](const char* text, TargetFamily family) {
        QTest::newRow(*text ? text : "empty") << QString::fromLatin1(text) << family;
    };
    row("", TargetFamily::postgresql);
    row("postgresql://db1/shop", TargetFamily::postgresql);
    row("host=db1 dbname=mysql", TargetFamily::postgresql);
    row("service=mysql", TargetFamily::postgresql);
    row("host=::1 options='-c mysql: 1'", TargetFamily::postgresql);
    row("mysql://root@db1:3306", TargetFamily::mysql);
    row("MariaDB://root@db1", TargetFamily::mysql);
    row("pgbouncer://user@db1:6432/pgbouncer", TargetFamily::bouncer);
    row("pool://127.0.0.1:7007", TargetFamily::process);
    row("pool+unix:///run/x.sock", TargetFamily::process);
    row("demo:", TargetFamily::demo);
    row("prometheus+https://app:9090/metrics", TargetFamily::metrics);
    row("expvar+http://app:8080/debug/vars", TargetFamily::metrics);
}

void TargetKindsTest::families()
{
    QFETCH(QString, target);
    QFETCH(TargetFamily, family);
    QCOMPARE(familyOf(target), family);
}

void TargetKindsTest::formsAreOfTheirFamily()
{
    QVERIFY(targetWords().size() >= 6);
    for (const TargetWords& words : targetWords()) {
        QCOMPARE(familyOf(words.form), words.family);
        QCOMPARE(wordsOf(words.form).form, words.form);
        QVERIFY(!words.name.isEmpty() && !words.needs.isEmpty() && !words.secret.isEmpty());
        QCOMPARE(words.token, words.secret.contains(QStringLiteral("token")));
    }
    QCOMPARE(wordsOf(QStringLiteral("expvar+https://x/y")).name, QStringLiteral("Go's expvar"));
    const QString fleet = wordsOf(QStringLiteral("prometheus+http://host:9090/api/v1")).name;
    QVERIFY(fleet.contains(QStringLiteral("fleet")));
    QCOMPARE(wordsOf(QStringLiteral("prometheus+https://p/x/api/v1/?match={job=\"a\"}")).name,
             fleet);
    QVERIFY(wordsOf(QStringLiteral("prometheus+https://p/api/v1/x")).name != fleet);
    QCOMPARE(wordsOf(TargetFamily::demo).family, TargetFamily::process);
}

/// By the kind it says, else by its address.
void TargetKindsTest::ofASource()
{
    QCOMPARE(familyOf(target("mysql", "x").info), TargetFamily::mysql);
    QCOMPARE(familyOf(target("sql", "mysql://db1").info), TargetFamily::mysql);
    QCOMPARE(familyOf(target("postgresql", "service=shop").info), TargetFamily::postgresql);
    QVERIFY(!tellsPools(target("postgresql", "service=shop")));
    QVERIFY(!tellsPools(target("mysql", "mysql://db1")));
    QVERIFY(tellsPools(target("pgbouncer", "pgbouncer://db1")));
    QVERIFY(tellsHolders(target("pgbouncer", "pgbouncer://db1")));
    QVERIFY(tellsPools(target("prometheus", "prometheus+http://x/metrics")));
    QVERIFY(!tellsHolders(target("prometheus", "prometheus+http://x/metrics")));
    TargetSummary process = target("else", "else://");
    process.agent.emplace();
    QVERIFY(tellsPools(process) && tellsHolders(process) && !tellsXmin(process));
}

void TargetKindsTest::products_data()
{
    QTest::addColumn<QString>("kind");
    QTest::addColumn<QString>("version");
    QTest::addColumn<QString>("product");
    const auto row = [](const char* kind, const char* version, const char* product) {
        QTest::newRow(product) << QString::fromLatin1(kind) << QString::fromLatin1(version)
                               << QString::fromLatin1(product);
    };
    row("postgresql", "15.8 (Debian 15.8-1)", "PostgreSQL 15.8");
    row("mysql", "10.11.6-MariaDB-0+deb12u1", "MariaDB 10.11.6");
    row("mysql", "8.4.3", "MySQL 8.4.3");
    row("pgbouncer", "PgBouncer 1.18.0", "PgBouncer 1.18.0");
    row("pgbouncer", "", "PgBouncer");
    row("prometheus", "", "Prometheus metrics");
}

void TargetKindsTest::products()
{
    QFETCH(QString, kind);
    QFETCH(QString, version);
    QFETCH(QString, product);
    const QByteArray k = kind.toLatin1(), v = version.toLatin1();
    QCOMPARE(productOf(answered(k.constData(), "", v.constData())), product);
}

/// None is none where the server would say; elsewhere nobody asked.
void TargetKindsTest::xminOfWhatHasNone()
{
    SessionRow row;
    row.session.key = {TargetId{1}, Pid{7}, timestamp_from_us(1'795'271'527'000'000)};
    TargetFrame frame;
    const auto shown = [&] {
        return sessioncolumns::display(SessionColumn::xminAge, row, frame, row.session.key.started,
                                       Formatter(true));
    };
    QCOMPARE(shown(), QString());
    frame.tellsXmin = false;
    QCOMPARE(shown(), Formatter::notReported());
    QCOMPARE(sessioncolumns::copy(SessionColumn::xminAge, row, frame, row.session.key.started),
             QString());
    QCOMPARE(sessioncolumns::emphasis(SessionColumn::xminAge, row, frame), Emphasis::caption);
}

void TargetKindsTest::metricsKnowNobody()
{
    Update update;
    update.reset = true;
    update.now = timestamp_from_us(1'795'271'527'000'000);
    update.targets = {target("prometheus", "prometheus+http://app:9090/metrics")};
    TargetSummary& page = update.targets.front();
    page.status.reach = Reach::up;
    page.last_sample = update.now;
    page.pools.resize(1);
    page.pools.front().name = Text("shop");
    page.pools.front().used = 3;
    page.pools.front().max = 10;
    SessionStore store;
    store.apply(update);
    QVERIFY(leaksAnswer(store).sentence.startsWith(QStringLiteral("Metrics tell how many")));
    QCOMPARE(overviewAnswer(store).sentence, QStringLiteral("No pool is near its limit"));
    const TreeNodes rows = serverRows(store);
    QCOMPARE(rows.size(), 1U);
    QCOMPARE(rows.front()->cells.at(1).text, Formatter::ofLimit(3, 10));
}

QTEST_GUILESS_MAIN(TargetKindsTest)
#include "tst_targetkinds.moc"
