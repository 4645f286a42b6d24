// SPDX-License-Identifier: GPL-3.0-or-later
// What stands beside the rows of the leaks page: the stack and its line in the editor, the command,
// the session on the server, the past.
#include "tests/views/leakspages.h"
#include "ui/charts/pastlane.h"
#include "ui/models/placewords.h"
#include "ui/theme/tokens.h"
#include "ui/views/framelist.h"
#include "ui/views/framemodel.h"
#include "ui/views/pagetitle.h"
#include "ui/views/sourceopener.h"

#include <QClipboard>
#include <QDir>
#include <QFile>
#include <QPlainTextEdit>
#include <QSignalSpy>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;

class LeakDetailTest : public QObject
{
    Q_OBJECT
private slots:
    void stackIsFoldedAndCopied();
    void theApplicationsOwnLinesStandOut();
    void aLineIsOpened();
    void findsSources();
    void reclaim_data();
    void reclaim();
    void theOtherSide();
    void thePastOfACheckout();
    void statementsNeverClosed();
    void statementsThatAreThereNoMore();
    void aLineThatHoldsNothingAnyMore();
};

void LeakDetailTest::stackIsFoldedAndCopied()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    auto* const frames = page.findChild<FrameList*>();
    QAbstractItemModel& rows = *frames->model();
    // acquire, three of its own, and a fold of three.
    QCOMPARE(rows.rowCount(), 5);
    QCOMPARE(rows.index(4, 0).data().toString(), QStringLiteral("3 lines of libraries"));
    QVERIFY(rows.index(1, 0).data().toString().endsWith(QStringLiteral("acquired here")));
    frames->setCurrentIndex(rows.index(4, 0));
    QTest::keyClick(frames, Qt::Key_Return);
    QCOMPARE(rows.rowCount(), 8);
    scene.advance();
    fixture.apply(scene.take());
    QCOMPARE(rows.rowCount(), 8); // what was unfolded stays so
    QTest::keyClick(frames, Qt::Key_Return);
    QCOMPARE(rows.rowCount(), 5);
    QGuiApplication::clipboard()->clear();
    page.table().setFocus();
    QTest::keyClick(&page.table(), Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
    const QStringList lines = QGuiApplication::clipboard()->text().split(u'\n');
    QCOMPARE(lines.size(), 7);
    QCOMPARE(lines.at(1), QStringLiteral("shop::place_order (src/checkout.cpp:88)"));
    QCOMPARE(lines.at(6), QStringLiteral("clone3"));
}

/// In the ink of text where libraries' are faint, and the one that acquired on a ground of its own.
void LeakDetailTest::theApplicationsOwnLinesStandOut()
{
    PageFixture fixture;
    Theme::current().setMode(Theme::Mode::light);
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    auto* const frames = page.findChild<FrameList*>();
    const QImage image = frames->viewport()->grab().toImage();
    const auto share = [&](int row, const QColor& colour, int tolerance = 8) {
        const QRect area = frames->visualRect(frames->model()->index(row, 0)) & image.rect();
        int found = 0;
        for (int x = area.left(); x <= area.right(); ++x) {
            for (int y = area.top(); y <= area.bottom(); ++y) {
                const QColor pixel = image.pixelColor(x, y);
                found += std::abs(pixel.red() - colour.red()) < tolerance &&
                         std::abs(pixel.green() - colour.green()) < tolerance &&
                         std::abs(pixel.blue() - colour.blue()) < tolerance;
            }
        }
        return double(found) / std::max(1, area.width() * area.height());
    };
    const Tokens& tokens = lightTokens();
    QCOMPARE(share(0, tokens.text, 25), 0.0); // the pool's acquire
    for (const int own : {1, 2, 3})
        QVERIFY2(share(own, tokens.text, 25) > 0.005, qPrintable(QString::number(own)));
    QVERIFY(share(1, tokens.critBg) > 0.5);
    QVERIFY(share(1, tokens.critFill) > 0);
    for (const int other : {0, 2, 3}) {
        QVERIFY(share(other, tokens.surface) > 0.5);
        QCOMPARE(share(other, tokens.critFill), 0.0);
    }
}

void LeakDetailTest::aLineIsOpened()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    SourceOpener::setEditor(QString());
    SourceOpener::setSources(QString());
    QTest::keyClick(&page.table(), Qt::Key_E, Qt::ControlModifier);
    QTRY_VERIFY(
        label(page, "openWords").contains(QStringLiteral("src/checkout.cpp:88 is not on this")));
    QVERIFY(button(page, "chooseSources")->isVisible());
    QTemporaryDir folder;
    QDir(folder.path()).mkpath(QStringLiteral("src"));
    QFile file(folder.filePath(QStringLiteral("src/checkout.cpp")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("int main() {}\n");
    file.close();
    SourceOpener::setSources(folder.path());
    SourceOpener::setEditor(QStringLiteral("touch {file}-{line}"));
    button(page, "openLine")->click();
    QTRY_COMPARE(label(page, "openWords"), QStringLiteral("Opened src/checkout.cpp:88."));
    QTRY_VERIFY(QFile::exists(file.fileName() + QStringLiteral("-88")));
    QVERIFY(button(page, "chooseSources")->isHidden());
    SourceOpener::setEditor(QStringLiteral("/nowhere/editor {file}"));
    button(page, "openLine")->click();
    QTRY_VERIFY(label(page, "openWords").contains(QStringLiteral("could not be started")));
    QVERIFY(button(page, "chooseEditor")->isVisible());
}

/// The path is the inspected process's word: it leads to a regular file or nowhere.
void LeakDetailTest::findsSources()
{
    QTemporaryDir folder;
    const QDir dir(folder.path());
    dir.mkpath(QStringLiteral("project/src"));
    for (const char* name : {"project/src/a b.cpp", "outside.cpp", "project/run.sh",
                             "project/x.desktop", "project/plain.cpp"}) {
        QFile file(dir.filePath(QLatin1String(name)));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QLatin1String(name).endsWith(QLatin1String("desktop"))
                       ? "[Desktop Entry]\nExec=true\n"
                       : "int x;\n");
    }
    QFile::setPermissions(dir.filePath(QStringLiteral("project/run.sh")),
                          QFile::ReadOwner | QFile::ExeOwner);
    const QString project = dir.filePath(QStringLiteral("project"));
    const QString canonical = QFileInfo(project).canonicalFilePath();
    QCOMPARE(SourceOpener::find(QStringLiteral("/build/ci/src/a b.cpp"), project),
             canonical + QStringLiteral("/src/a b.cpp"));
    QCOMPARE(SourceOpener::find(QStringLiteral("C:\\ci\\src\\a b.cpp"), project),
             canonical + QStringLiteral("/src/a b.cpp"));
    QCOMPARE(SourceOpener::find(QStringLiteral("../outside.cpp"), project), QString());
    QFile::link(dir.filePath(QStringLiteral("outside.cpp")),
                dir.filePath(QStringLiteral("project/link.cpp")));
    QCOMPARE(SourceOpener::find(QStringLiteral("link.cpp"), project), QString());
    QCOMPARE(SourceOpener::find(QStringLiteral("src"), project), QString()); // a folder
    QCOMPARE(SourceOpener::find(QStringLiteral("/dev/null"), project), QString());
    QCOMPARE(SourceOpener::find(QString(), project), QString());
    QCOMPARE(SourceOpener::find(QString(10000, u'a'), project), QString());
    // Without a folder a name that is not absolute leads nowhere.
    QCOMPARE(SourceOpener::find(QStringLiteral("plain.cpp"), QString()), QString());

    QCOMPARE(SourceOpener::words(QStringLiteral("ed -g {file}:{line}"),
                                 QStringLiteral("/a b; rm {line}"), 7),
             QStringList({QStringLiteral("ed"), QStringLiteral("-g"),
                          QStringLiteral("/a b; rm {line}:7")}));
    QCOMPARE(SourceOpener::words(QStringLiteral("ed"), QStringLiteral("/a"), 7),
             QStringList({QStringLiteral("ed"), QStringLiteral("/a")}));
    QVERIFY(SourceOpener::words(QString(), QStringLiteral("/a"), 7).isEmpty());

    QVERIFY(SourceOpener::isSourceText(dir.filePath(QStringLiteral("project/plain.cpp"))));
    QVERIFY(!SourceOpener::isSourceText(dir.filePath(QStringLiteral("project/run.sh"))));
    QVERIFY(!SourceOpener::isSourceText(dir.filePath(QStringLiteral("project/x.desktop"))));
    QVERIFY(!SourceOpener::isSourceText(project));
}

void LeakDetailTest::reclaim_data()
{
    QTest::addColumn<int>("mode");
    QTest::addColumn<bool>("readOnly");
    QTest::addColumn<bool>("allowed");
    QTest::addColumn<QString>("reason");
    QTest::newRow("live") << int(Mode::live) << false << true << QString();
    QTest::newRow("read-only") << int(Mode::live) << true << true
                               << QStringLiteral("Off: read-only mode.");
    QTest::newRow("replay") << int(Mode::replay) << false << true
                            << QStringLiteral("Off in replay");
    QTest::newRow("paused") << int(Mode::paused) << false << true
                            << QStringLiteral("Off while paused");
    QTest::newRow("not allowed") << int(Mode::live) << false << false
                                 << QStringLiteral("Off: shop-api does not allow it.");
}

void LeakDetailTest::reclaim()
{
    QFETCH(int, mode);
    QFETCH(bool, readOnly);
    QFETCH(bool, allowed);
    QFETCH(QString, reason);
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    AgentFacts agent = *scene.pools().agent;
    agent.may_reclaim = allowed;
    scene.observe(AgentReported{agent});
    fixture.apply(scene.take(true));
    Transport transport;
    transport.mode = static_cast<Mode>(mode);
    transport.readOnly = readOnly;
    transport.cursor = transport.end = scene.now();
    fixture.setTransport(transport);
    std::vector<std::vector<CheckoutKey>> asked;
    connect(fixture.context.get(), &ViewContext::reclaimRequested, &page,
            [&](const std::vector<CheckoutKey>& keys) { asked.push_back(keys); });
    QPushButton* const command = button(page, "reclaimConnection");
    QCOMPARE(command->isEnabled(), reason.isEmpty());
    QVERIFY(label(page, "reclaimReason").startsWith(reason));
    QCOMPARE(command->text(), QStringLiteral("Reclaim 14 connections…"));
    command->click();
    choose(page, page.table().model()->index(1, 0, top(page, 0)));
    QCOMPARE(command->text(), QStringLiteral("Reclaim connection…"));
    QTest::keyClick(&page.table(), Qt::Key_R);
    if (!reason.isEmpty()) {
        QVERIFY(asked.empty());
        return;
    }
    QCOMPARE(asked.size(), std::size_t(2));
    QCOMPARE(asked[0].size(), std::size_t(14));
    QCOMPARE(asked[1], std::vector<CheckoutKey>{scene.leaked().at(1)});
    // Of those that nobody suspects none is taken in bulk.
    choose(page, top(page, 3));
    QVERIFY(!command->isEnabled());
    QVERIFY(label(page, "reclaimReason").startsWith(QStringLiteral("None of them is suspected.")));
}

/// J leads from a checkout to the session of its connection, and back; never to one that only has
/// the same pid.
void LeakDetailTest::theOtherSide()
{
    PageFixture fixture;
    PoolScene scene;
    SyntheticUpdates server;
    const Checkout checkout = scene.checkout(scene.leaked().front().id.str());
    SessionRow& row = server.put(*checkout.server_pid, SessionState::idle_in_transaction,
                                 "shop-api", std::chrono::seconds{90});
    const SessionKey session = row.session.key;
    const auto apply = [&](const std::string& port) {
        row.session.client = Text("10.20.4.17:" + port);
        server.touch(session);
        Update update = server.take(true);
        scene.join(update);
        fixture.apply(update);
    };
    LeaksPage& page = leaks(fixture);
    apply(std::to_string(*checkout.local_port + 1));
    page.findChild<QLineEdit*>()->setText(QString::fromStdString(checkout.key.id.str()));
    const QModelIndex held = page.table().model()->index(0, 0, top(page, 0));
    choose(page, held);
    QVERIFY(!button(page, "toSession")->isVisible()); // another server's session
    QVERIFY(!detail(page).session());
    QVERIFY(!page.letters().contains(QLatin1Char('J')));

    apply(std::to_string(*checkout.local_port));
    choose(page, page.table().model()->index(0, 0, top(page, 0)));
    QVERIFY(button(page, "toSession")->isVisibleTo(&detail(page)));
    QVERIFY(page.letters().contains(QLatin1Char('J'))); // what the key does, the menu offers
    QStringList opened;
    QObject::connect(fixture.context.get(), &ViewContext::navigationRequested, &page,
                     [&](const QString& name) {
                         opened << name;
                         fixture.show(name.toLatin1().constData());
                     });
    QTest::keyClick(&page.table(), Qt::Key_J);
    QCOMPARE(opened, QStringList{QStringLiteral("sessions")});
    QCOMPARE(fixture.context->selection(), std::optional(session));

    auto* const sessions = fixture.page("sessions").findChild<DataTable*>();
    QCOMPARE(sessions->currentKey(), std::optional(session));
    fixture.context->select(std::nullopt);
    fixture.context->select(session);
    QTest::keyClick(sessions, Qt::Key_J);
    QCOMPARE(opened.back(), QStringLiteral("leaks"));
    QCOMPARE(page.findChild<QLineEdit*>()->text(), QString()); // what is led to is not hidden
    QVERIFY(detail(page).isVisible());
    QCOMPARE(detail(page).reclaimable(), (std::vector<CheckoutKey>{checkout.key}));

    // From the session's own row on this page, too: there, and not back again.
    opened.clear();
    auto* const model = qobject_cast<TreeModel*>(page.table().model());
    QVERIFY(model);
    choose(page, model->indexOf(session));
    QCOMPARE(page.table().currentKey(), std::optional(session));
    QTest::keyClick(&page.table(), Qt::Key_J);
    QVERIFY(!opened.contains(QStringLiteral("sessions")));
    QCOMPARE(detail(page).reclaimable(), (std::vector<CheckoutKey>{checkout.key}));
}

void LeakDetailTest::thePastOfACheckout()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    auto* const lane = detail(page).findChild<PastLane*>();
    QVERIFY(!lane->isVisible()); // of a place there is none
    choose(page, page.table().model()->index(0, 0, top(page, 0)));
    QVERIFY(lane->isVisibleTo(&detail(page)));
    const QString told = lane->accessibleDescription();
    QVERIFY2(told.startsWith(QStringLiteral("held")), qPrintable(told));
    QVERIFY2(told.contains(QStringLiteral("held for too long at ")), qPrintable(told));
}

/// Chosen first where it is the worst, with its stack, the evidence and the fingerprint; no command
/// is for it.
void LeakDetailTest::statementsNeverClosed()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    scene.statements = {PoolScene::neverClosed(), PoolScene::neverClosed(80, 57)};
    fixture.apply(scene.take(true));
    QCOMPARE(page.count(), 16);
    QCOMPARE(label(page, "holderWords"), QStringLiteral("22 held, 16 suspected"));
    QCOMPARE(page.table().model()->rowCount(), 6);
    const QModelIndex row = top(page, 1); // after the line that holds 14 connections
    QCOMPARE(row.data().toString(), QStringLiteral("price.go:31  statements of price()"));
    choose(page, row);
    QVERIFY(label(page, "holderEvidence")
                .startsWith(QStringLiteral("412 statements prepared here are open")));
    QVERIFY(label(page, "holderEvidence").contains(QStringLiteral("Prepared at")));
    const auto* const frames = page.findChild<FrameList*>();
    QVERIFY(same_stack(frames->stack(), scene.statements.front().stack));
    bool fingerprint = false;
    for (const QPlainTextEdit* edit : detail(page).findChildren<QPlainTextEdit*>())
        fingerprint = fingerprint || (edit->isVisible() &&
                                      edit->toPlainText() ==
                                          QStringLiteral("SELECT price FROM items WHERE id = ?"));
    QVERIFY(fingerprint);
    for (const char* name : {"holderPid", "holderTags", "holderAcquiredBy", "toSession"})
        QVERIFY2(page.findChild<QWidget*>(QLatin1String(name))->isHidden(), name);
    QVERIFY(!button(page, "reclaimConnection")->isEnabled());
    QVERIFY(label(page, "reclaimReason").startsWith(QStringLiteral("Nothing to take back")));
    QSignalSpy asked(fixture.context.get(), &ViewContext::reclaimRequested);
    QTest::keyClick(&page.table(), Qt::Key_R);
    QCOMPARE(asked.size(), 0);
    // The line is copied and opened as a checkout's is.
    QGuiApplication::clipboard()->clear();
    QTest::keyClick(&page.table(), Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
    QVERIFY(QGuiApplication::clipboard()->text().endsWith(
        QStringLiteral("main.price (/srv/shop/price.go:31)")));
    QVERIFY(button(page, "openLine")->isVisible());
    // A place again: what statements have not is back.
    choose(page, top(page, 0));
    QVERIFY(page.findChild<QWidget*>(QStringLiteral("holderPid"))->isVisible());
    QVERIFY(button(page, "reclaimConnection")->isEnabled());
}

void LeakDetailTest::statementsThatAreThereNoMore()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    scene.statements = {PoolScene::neverClosed(412, 31, LeakSeverity::critical)};
    fixture.apply(scene.take(true));
    choose(page, top(page, 1));
    scene.statements.front().open = 500;
    scene.advance();
    fixture.apply(scene.take());
    QVERIFY(label(page, "holderEvidence").startsWith(QStringLiteral("500 statements")));
    QVERIFY(page.table().selectionModel()->isSelected(top(page, 1)));
    scene.statements.clear();
    scene.advance();
    fixture.apply(scene.take());
    QVERIFY(label(page, "holderEmpty").contains(QStringLiteral("no longer only grow")));
    QCOMPARE(page.count(), 14);
}

void LeakDetailTest::aLineThatHoldsNothingAnyMore()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    choose(page, top(page, 0));
    QVERIFY(label(page, "holderEvidence").contains(QStringLiteral("held from here")));
    for (const CheckoutKey& key : scene.leaked())
        scene.end(key.id.str());
    scene.advance();
    fixture.apply(scene.take());
    const QString words = label(page, "holderEmpty");
    QVERIFY2(words.startsWith(QStringLiteral("Nothing that was acquired at")) &&
                 words.contains(QStringLiteral("checkout.cpp:88")),
             qPrintable(words));
}

QTEST_MAIN(LeakDetailTest)
#include "tst_leakdetail.moc"
