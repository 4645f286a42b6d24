// SPDX-License-Identifier: GPL-3.0-or-later
// A process that prepares statements and never closes them, from a recording: the window's badge,
// its sentences and its rows say as much as the command line's JSON.
#include "app/cli/objects.h"
#include "core/record/writer.h"
#include "core/report/json.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/models/findings.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/page.h"
#include "ui/views/viewcontext.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLabel>
#include <QListWidget>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'795'271'320'000'000);
constexpr int seconds = 150;

/// Two lines that prepare a statement for each call, one a second and one three, one that closes
/// what it prepares, and a checkout that is kept.
PoolSample at(int second)
{
    PoolSample sample;
    sample.full = second == 0;
    if (sample.full) {
        sample.pools.resize(1);
        sample.pools[0].name = Text{"orders"};
        sample.pools[0].used = 1;
        sample.pools[0].max = 8;
        for (const char* const id : {"1", "2"}) {
            sample.opened.emplace_back();
            sample.opened.back().key = {Text{"orders"}, Text{id}};
        }
        Checkout kept;
        kept.key.target = TargetId{1};
        kept.key.id = Text{"c1"};
        kept.pool = Text{"orders"};
        kept.acquired = start;
        kept.stack = make_stack({{Text{"main.hold"}, Text{"hold.go"}, 12, true}});
        sample.changed = {kept};
    }
    for (int line = 1; line <= 3; ++line) {
        PreparedStatements prepared;
        prepared.pool = Text{"orders"};
        prepared.stack = make_stack({{Text{"main.price"}, Text{"price.go"}, 30 + line, true}});
        prepared.open = line == 3 ? 4U : std::uint64_t((2 * line - 1) * (second + 1));
        prepared.oldest = start;
        prepared.distinct = 1;
        prepared.statement = Text{"SELECT price FROM items WHERE id = ?"};
        sample.prepared.push_back(prepared);
    }
    return sample;
}

QString record(const QTemporaryDir& folder)
{
    const QString file = folder.filePath(QStringLiteral("statements.poolrec"));
    auto writer = RecordingWriter::create(file.toStdString(), {});
    if (!writer)
        return {};
    std::uint64_t sequence = 0;
    const auto add = [&](Timestamp time, const Fact& fact) {
        return bool(writer.value()->append({SequenceNumber{++sequence}, time, TargetId{1}, fact}));
    };
    AgentFacts facts;
    facts.process = "shop";
    facts.pid = 7;
    bool good = add(start, TargetAttached{{TargetId{1}, "pool", "shop", "pool://shop"}});
    good = good && add(start, StatusChanged{{Reach::up, {}, {}, {}}});
    good = good && add(start, AgentReported{facts});
    for (int second = 0; second < seconds; ++second)
        good = good && add(start + std::chrono::seconds{second}, at(second));
    return good && writer.value()->close() ? file : QString();
}

} // namespace

class TestStatementWindow : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void saysWhatTheCommandLineSays();

private:
    QTemporaryDir folder_;
};

void TestStatementWindow::initTestCase()
{
    QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
    QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope,
                       folder_.filePath(QStringLiteral("settings")));
    Theme::current().install();
}

void TestStatementWindow::saysWhatTheCommandLineSays()
{
    const QString file = record(folder_);
    QVERIFY(!file.isEmpty());
    Workspace::Options options;
    options.temporaryFolder = folder_.filePath(QStringLiteral("cache"));
    Workspace workspace(options);
    MainWindow window(workspace, AttachChoice{});
    window.resize(1440, 900);
    window.show();
    QVERIFY(QTest::qWaitForWindowExposed(&window));
    workspace.open(file);
    QTRY_VERIFY_WITH_TIMEOUT(
        workspace.transport().mode == Mode::replay && !workspace.latest()->targets.empty(), 10000);
    workspace.seek(start + std::chrono::seconds{seconds - 1});
    QTRY_VERIFY_WITH_TIMEOUT(workspace.latest()->targets.front().statements.size() == 2, 10000);

    Picture picture;
    picture.apply(*workspace.latest());
    // A seek resets: that update is all there is.
    QVERIFY(picture.targets.size() == 1);
    JsonWriter json;
    json.begin_array();
    writeLeaks(json, picture);
    json.end_array();
    const QJsonArray leaks =
        QJsonDocument::fromJson(QByteArray::fromStdString(json.text())).array();
    QStringList kinds;
    for (const QJsonValue& leak : leaks)
        kinds += leak.toObject().value(QLatin1String("kind")).toString();
    QCOMPARE(kinds.join(u' '), QStringLiteral("checkout statement statement"));

    window.showPage(QStringLiteral("leaks"));
    QTRY_COMPARE(window.currentPage()->count(), int(leaks.size()));
    QCOMPARE(suspectedCount(workspace.latest()->targets), int(leaks.size()));
    const auto said = [&](const QString& what) {
        for (const QLabel* label : window.currentPage()->findChildren<QLabel*>()) {
            if (label->isVisible() && label->text().contains(what))
                return true;
        }
        return false;
    };
    QVERIFY(said(QStringLiteral("1 held, 3 suspected")));
    const QAbstractItemModel* rows = nullptr;
    for (DataTable* table : window.currentPage()->findChildren<DataTable*>())
        rows = table->isVisible() ? table->model() : rows;
    QVERIFY(rows);
    QStringList lines;
    for (int row = 0; row < rows->rowCount(); ++row)
        lines += rows->index(row, 0).data().toString();
    QCOMPARE(lines.join(u'\n'),
             QStringLiteral("hold.go:12  hold()\nprice.go:32  statements of price()\n"
                            "price.go:31  statements of price()"));
    // Beside the page's name.
    bool badge = false;
    for (const QListWidget* list : window.sidebar().findChildren<QListWidget*>()) {
        for (int row = 0; row < list->count(); ++row) {
            const QVariant text = list->item(row)->data(Qt::AccessibleTextRole);
            badge = badge || (text.toString().startsWith(QStringLiteral("Leaks")) &&
                              text.toString().contains(u'3'));
        }
    }
    QVERIFY(badge);
    window.showPage(QStringLiteral("overview"));
    rows = nullptr;
    for (DataTable* table : window.currentPage()->findChildren<DataTable*>())
        rows = table->accessibleName() == QStringLiteral("Suspected leaks, worst first")
                   ? table->model()
                   : rows;
    QVERIFY(rows);
    QTRY_COMPARE(rows->rowCount(), 3);
    QCOMPARE(rows->index(1, 0).data().toString(),
             QStringLiteral("price.go:32  statements of price()"));
}

QTEST_MAIN(TestStatementWindow)
#include "tst_statementwindow.moc"
