// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/analyze/checkcase.h"
#include "tests/views/configpages.h"
#include "tests/views/pagefixture.h"
#include "ui/views/configdetail.h"
#include "ui/views/datatable.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace poolscope::support;

namespace {

/// What a window would be given of these targets, so long after the start.
Update updateAt(const CheckInput& input, Duration after, bool reset = false)
{
    Update update;
    update.reset = reset;
    update.now = poolscope::test::began + after;
    for (const CheckTarget& target : input.targets) {
        TargetSummary summary;
        summary.info = target.info;
        summary.status.reach = Reach::up;
        summary.facts = target.facts;
        summary.settings = target.settings;
        summary.pools = target.pools;
        summary.last_sample = update.now;
        update.targets.push_back(summary);
    }
    update.actions = std::make_shared<const std::vector<ActionRecord>>();
    update.notes = std::make_shared<const std::vector<NoteRecord>>();
    return update;
}

ConfigurationPage& pageOf(const PageFixture& fixture)
{
    return static_cast<ConfigurationPage&>(fixture.show("configuration"));
}

QString chosenSetting(ConfigurationPage& page)
{
    const QModelIndexList rows = page.table().selectionModel()->selectedRows();
    return rows.isEmpty() ? QString() : rows.front().data().toString();
}

/// The row of that setting, under whichever pool.
QModelIndex rowOf(ConfigurationPage& page, const char* setting)
{
    const QAbstractItemModel& model = *page.table().model();
    for (int i = 0; i < model.rowCount(); ++i) {
        const QModelIndex head = model.index(i, 0);
        for (int k = 0; k < model.rowCount(head); ++k) {
            if (model.index(k, 0, head).data() == QLatin1String(setting))
                return model.index(k, 0, head);
        }
    }
    return {};
}

void type(ConfigurationPage& page, const char* field, const char* text)
{
    page.findChild<QLineEdit*>(QLatin1String(field))->setText(QLatin1String(text));
}

void applyTimeouts(ConfigurationPage& page)
{
    page.findChild<QPushButton*>(QStringLiteral("applyTimeouts"))->click();
}

CheckInput fine()
{
    return on(server_of(), {pool_of("hikaricp", hikari)});
}

/// Nobody tests, and who asks waits for ever.
CheckInput careless()
{
    return on(server_of(), {pool_of("dbcp2", with(with(dbcp2, "testOnBorrow", "false"),
                                                  "maxWaitMillis", "-1"))});
}

} // namespace

class TestConfigurationPage : public QObject
{
    Q_OBJECT
private slots:
    void nothingIsAttached();
    void nothingTellsItsSettings();
    void nothingToObjectTo();
    void findingsAndTheirDetail();
    void aChoiceStays();
    void filterAndEscape();
    void timeoutsThatNobodyTells();
    void judgedOnlyWhenSomethingChanged();
    void whatIsNotJudged();
    void hostileNames();
};

void TestConfigurationPage::nothingIsAttached()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    f.apply(updateAt({}, 0s, true));
    QVERIFY2(answer(page).startsWith(QStringLiteral("Nothing is attached.")),
             qPrintable(answer(page)));
    QVERIFY(!page.table().isVisible());
    QVERIFY(!page.findChild<ConfigDetail*>()->isVisible());
    QVERIFY(!page.findChild<QLineEdit*>(QStringLiteral("callerTimeout"))->isVisible());
    QCOMPARE(page.count(), 0);
}

void TestConfigurationPage::nothingTellsItsSettings()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    Pool silent;
    silent.name = Text{std::string("orders")};
    silent.used = 4;
    f.apply(updateAt({{process_of({silent})}, {}, {}}, 0s, true));
    QVERIFY2(answer(page).startsWith(QStringLiteral("Nothing attached tells its settings.")),
             qPrintable(answer(page)));
    QVERIFY(answer(page).contains(QStringLiteral("Ctrl+T"))); // the next step
    QVERIFY(!page.table().isVisible());
    Transport replay;
    replay.mode = Mode::replay;
    replay.cursor = replay.end = poolscope::test::began;
    f.setTransport(replay);
    f.apply(updateAt({{process_of({silent})}, {}, {}}, 1s, true));
    QCOMPARE(answer(page), QStringLiteral("Nothing in this recording tells its settings."));
    // One that answers, and nothing that it is told yet, is waited for; not in a recording.
    Update early = updateAt({{process_of({})}, {}, {}}, 2s, true);
    early.targets.front().last_sample.reset();
    f.apply(early);
    QCOMPARE(answer(page), QStringLiteral("no sample of shop-api was recorded up to this moment"));
    Transport live;
    live.mode = Mode::live;
    live.cursor = live.end = poolscope::test::began;
    f.setTransport(live);
    f.apply(early);
    QCOMPARE(answer(page), QStringLiteral("waiting for the first sample"));
}

void TestConfigurationPage::nothingToObjectTo()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    f.apply(updateAt(fine(), 0s, true));
    QVERIFY(page.report().findings.empty());
    QTRY_COMPARE(answer(page), QStringLiteral("Nothing to object to., 10 settings of 1 pool and 1 "
                                              "server looked at"));
    QVERIFY(!page.table().isVisible());
    QVERIFY(!page.findChild<ConfigDetail*>()->isVisible());
    QCOMPARE(label(page, "checkedWords"),
             QStringLiteral("Server shop-db, PostgreSQL: 2 settings\n"
                            "Pool orders of shop-api, HikariCP: 8 settings"));
    QVERIFY(page.findChild<QLineEdit*>(QStringLiteral("callerTimeout"))->isVisible());
}

void TestConfigurationPage::findingsAndTheirDetail()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    f.apply(updateAt(careless(), 0s, true));
    QVERIFY(page.table().isVisible());
    QCOMPARE(page.count(), 0); // advice calls nobody
    QTRY_COMPARE(answer(page), QStringLiteral("2 things to set otherwise, 16 settings of 1 pool "
                                              "and 1 server looked at"));
    QCOMPARE(label(page, "findingWords"), QStringLiteral("2 warnings"));
    // The first of the worst is shown before anybody chose.
    QCOMPARE(chosenSetting(page), rowOf(page, "maxWaitMillis").data().toString());
    page.table().setCurrentIndex(rowOf(page, "testOnBorrow"));
    QCOMPARE(label(page, "configSetting"), QStringLiteral("testOnBorrow"));
    QCOMPARE(label(page, "configValue"), QStringLiteral("false"));
    QCOMPARE(label(page, "configProposed"), QStringLiteral("true"));
    QCOMPARE(label(page, "configSystem"), QStringLiteral("Commons DBCP 2"));
    QCOMPARE(label(page, "configRule"), QStringLiteral("no_validation"));
    QVERIFY(label(page, "configSentence").contains(QStringLiteral("No connection is tested")));
    QGuiApplication::clipboard()->clear();
    auto* const copy = page.findChild<QPushButton*>(QStringLiteral("copySetting"));
    copy->click();
    QCOMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("testOnBorrow=true"));
    page.table().setCurrentIndex(rowOf(page, "maxWaitMillis"));
    page.table().setFocus();
    QTest::keyClick(&page.table(), Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
    QTRY_COMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("maxWaitMillis=5000"));
    // Of a whole pool there is no one line.
    page.table().setCurrentIndex(page.table().model()->index(0, 0));
    QVERIFY(label(page, "configEmpty").contains(QStringLiteral("2 warnings")));
    QVERIFY(!copy->isVisible());
    // What has no proposal says so.
    f.apply(
        updateAt(on(server_of(), {pool_of("sqlalchemy", with(sqlalchemy, "pool_size", "0"))}), 5s));
    page.table().setCurrentIndex(rowOf(page, "pool_size + max_overflow"));
    QCOMPARE(label(page, "configProposed"), QStringLiteral("it depends"));
    QVERIFY(!copy->isEnabled());
    QVERIFY(label(page, "configReason").contains(QStringLiteral("depends")));
}

void TestConfigurationPage::aChoiceStays()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    f.apply(updateAt(careless(), 0s, true));
    page.table().setCurrentIndex(rowOf(page, "testOnBorrow"));
    // Something worse comes to stand above it.
    CheckInput worse = careless();
    worse.targets.front().facts->max_connections = 4;
    f.apply(updateAt(worse, 10s));
    QVERIFY(raises(page, "maxima_over_capacity"));
    QCOMPARE(page.table().model()->index(0, 0, page.table().model()->index(0, 0)).data(),
             QStringLiteral("maxTotal"));
    QCOMPARE(chosenSetting(page), QStringLiteral("testOnBorrow"));
    // Mended: nothing else is chosen instead.
    CheckInput mended = careless();
    mended.targets.back().pools.front() = pool_of("dbcp2", with(dbcp2, "maxWaitMillis", "-1"));
    f.apply(updateAt(mended, 20s));
    QCOMPARE(chosenSetting(page), QString());
    QVERIFY(label(page, "configEmpty").contains(QStringLiteral("nothing to say against")));
    // At another instant it is there again.
    f.apply(updateAt(careless(), 2s, true));
    QCOMPARE(chosenSetting(page), QStringLiteral("testOnBorrow"));
    // The other grouping keeps it.
    page.nextGrouping();
    QCOMPARE(chosenSetting(page), QStringLiteral("testOnBorrow"));
    QVERIFY(!page.table().isColumnHidden(static_cast<int>(ConfigColumn::pool)));
    page.nextGrouping();
    QCOMPARE(chosenSetting(page), QStringLiteral("testOnBorrow"));
    QVERIFY(page.table().isColumnHidden(static_cast<int>(ConfigColumn::pool)));
}

void TestConfigurationPage::filterAndEscape()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    f.apply(updateAt(careless(), 0s, true));
    page.setFilter(QStringLiteral("testonborrow"));
    QVERIFY(rowOf(page, "testOnBorrow").isValid());
    QVERIFY(!rowOf(page, "maxWaitMillis").isValid());
    QCOMPARE(label(page, "findingWords"), QStringLiteral("1 match; 2 warnings"));
    page.setFilter(QStringLiteral("no such thing"));
    QCOMPARE(page.table().model()->rowCount(), 0);
    QVERIFY(page.table().isVisible()); // findings there are
    QVERIFY(page.clearOne());
    QVERIFY(rowOf(page, "maxWaitMillis").isValid());
    QVERIFY(!chosenSetting(page).isEmpty());
    QVERIFY(page.clearOne());
    QCOMPARE(chosenSetting(page), QString());
    QVERIFY(!page.clearOne());
    f.apply(updateAt(careless(), 10s)); // and is not offered again
    QCOMPARE(chosenSetting(page), QString());
}

void TestConfigurationPage::timeoutsThatNobodyTells()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    f.apply(updateAt(fine(), 0s, true));
    type(page, "callerTimeout", "soon");
    applyTimeouts(page);
    QVERIFY(label(page, "timeoutWords").contains(QStringLiteral("500ms")));
    type(page, "callerTimeout", "0s");
    applyTimeouts(page);
    QVERIFY(label(page, "timeoutWords").contains(QStringLiteral("500ms")));
    QVERIFY(page.report().findings.empty());
    QVERIFY(!QSettings().contains(QStringLiteral("configuration/callerTimeout")));
    type(page, "callerTimeout", " 2s ");
    type(page, "firewallTimeout", "350s");
    applyTimeouts(page);
    QVERIFY(raises(page, "acquire_timeout_over_caller"));
    QVERIFY(raises(page, "idle_past_firewall_timeout"));
    QVERIFY(page.table().isVisible());
    // They are kept for the next window, and what is no duration there counts as nothing.
    {
        ConfigurationPage other(*f.context, f.store, f.window.get());
        QCOMPARE(other.findChild<QLineEdit*>(QStringLiteral("callerTimeout"))->text(),
                 QStringLiteral("2s"));
        other.show();
        f.store->apply(updateAt(fine(), 0s, true));
        other.apply(updateAt(fine(), 0s, true));
        QVERIFY(raises(other, "acquire_timeout_over_caller"));
    }
    QSettings().setValue(QStringLiteral("configuration/callerTimeout"),
                         QStringLiteral("<b>never</b>"));
    {
        ConfigurationPage other(*f.context, f.store, f.window.get());
        other.show();
        f.store->apply(updateAt(fine(), 0s, true));
        other.apply(updateAt(fine(), 0s, true));
        QVERIFY(!raises(other, "acquire_timeout_over_caller"));
        QVERIFY(raises(other, "idle_past_firewall_timeout"));
    }
    type(page, "callerTimeout", "");
    type(page, "firewallTimeout", "");
    applyTimeouts(page);
    QVERIFY(page.report().findings.empty());
}

void TestConfigurationPage::judgedOnlyWhenSomethingChanged()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    f.apply(updateAt(careless(), 0s, true));
    // The load is read once, and is judged by.
    QTRY_VERIFY(!answer(page).contains(QStringLiteral("being read")));
    const int before = page.judged();
    CheckInput busy = careless();
    for (int second = 1; second < 25; ++second) {
        busy.targets.back().pools.front().used = second % 7;
        busy.targets.back().pools.front().use_time =
            DurationSummary{static_cast<std::uint64_t>(second), {}, 1ms, 2ms};
        f.apply(updateAt(busy, std::chrono::seconds{second}));
    }
    QCOMPARE(page.judged(), before);
    CheckInput changed = busy;
    changed.targets.back().pools.front().configuration = dbcp2;
    for (int second = 25; second < 29; ++second)
        f.apply(updateAt(changed, std::chrono::seconds{second}));
    QCOMPARE(page.judged(), before + 1);
    QVERIFY(page.report().findings.empty());
    // Nobody looks: nothing is judged, until somebody does.
    f.show("overview");
    f.apply(updateAt(careless(), 40s));
    QCOMPARE(page.judged(), before + 1);
    f.show("configuration");
    QVERIFY(page.judged() > before + 1);
    QVERIFY(raises(page, "no_validation"));
}

void TestConfigurationPage::whatIsNotJudged()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    auto* const text = page.findChild<QPlainTextEdit*>(QStringLiteral("unknownText"));
    f.apply(updateAt(fine(), 0s, true));
    QVERIFY(!text->isVisible());
    CheckInput elsewhere = fine();
    elsewhere.targets.back().pools.front().database = Text{};
    f.apply(updateAt(elsewhere, 10s));
    QVERIFY(text->isVisible());
    QCOMPARE(text->toPlainText(), QStringLiteral("Where pool orders leads is not told: it is not "
                                                 "counted against a server."));
    f.apply(updateAt(fine(), 20s));
    QVERIFY(!text->isVisible());
}

void TestConfigurationPage::hostileNames()
{
    const PageFixture f;
    ConfigurationPage& page = pageOf(f);
    CheckInput input = careless();
    input.targets.front().info.name = "<b>db</b>\n\x1b[2J";
    input.targets.back().info.name = "<img src=x>" + std::string(5000, 'y');
    Pool& pool = input.targets.back().pools.front();
    pool.name = Text{std::string("<h1>a\x1b[31m\nb")};
    pool.database = Text{std::string("evil\x1b]0;x\a<i>://")};
    f.apply(updateAt(input, 0s, true));
    QVERIFY(!page.report().findings.empty());
    for (const QLabel* const each : page.findChildren<QLabel*>()) {
        if (each->text().isEmpty() || each->textFormat() == Qt::PlainText)
            continue;
        QVERIFY2(!each->text().contains(QLatin1Char('<')), qPrintable(each->text()));
    }
    for (const QLabel* const each : page.findChildren<QLabel*>()) {
        const QString shown = each->text().remove(QLatin1Char('\n'));
        QVERIFY(std::none_of(shown.begin(), shown.end(), [](QChar c) { return c < u' '; }));
        QVERIFY(shown.size() < 5000);
    }
    QVERIFY(!page.findChild<ConfigDetail*>()->isHidden());
    QVERIFY(
        page.table().model()->index(0, 0).data().toString().startsWith(QStringLiteral("<h1>a")));
}

QTEST_MAIN(TestConfigurationPage)
#include "tst_configurationpage.moc"
