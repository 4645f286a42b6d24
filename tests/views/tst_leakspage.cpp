// SPDX-License-Identifier: GPL-3.0-or-later
// The leaks page with an instrumented process: rows, detail, keys, the command, what comes and
// goes. POOLSCOPE_PICTURES=FOLDER draws it there in its states.
#include "tests/support/poolscene.h"
#include "tests/views/pagefixture.h"
#include "ui/charts/pastlane.h"
#include "ui/models/placewords.h"
#include "ui/views/datatable.h"
#include "ui/views/framelist.h"
#include "ui/views/framemodel.h"
#include "ui/views/holderdetail.h"
#include "ui/views/leakspage.h"
#include "ui/views/pagetitle.h"
#include "ui/views/sourceopener.h"

#include <QClipboard>
#include <QDir>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>

using namespace poolscope;
using poolscope::support::PageFixture;
using poolscope::support::PoolScene;
using poolscope::support::SyntheticUpdates;

namespace {

LeaksPage& leaks(const PageFixture& fixture)
{
    return static_cast<LeaksPage&>(fixture.show("leaks"));
}

QModelIndex top(LeaksPage& page, int row)
{
    return page.table().model()->index(row, 0);
}

void choose(LeaksPage& page, const QModelIndex& index)
{
    page.table().selectionModel()->setCurrentIndex(index, QItemSelectionModel::ClearAndSelect |
                                                              QItemSelectionModel::Rows);
}

HolderDetail& detail(LeaksPage& page)
{
    return *page.findChild<HolderDetail*>();
}

QString label(LeaksPage& page, const char* name)
{
    return page.findChild<QLabel*>(QLatin1String(name))->text();
}

QPushButton* button(LeaksPage& page, const char* name)
{
    return page.findChild<QPushButton*>(QLatin1String(name));
}

void shoot(const PageFixture& fixture, const QString& name)
{
    const QString out = qEnvironmentVariable("POOLSCOPE_PICTURES");
    if (out.isEmpty())
        return;
    QCoreApplication::processEvents();
    fixture.window->grab().save(QStringLiteral("%1/leaks-%2.png").arg(out, name));
}

} // namespace

class LeaksPageTest : public QObject
{
    Q_OBJECT
private slots:
    void namesTheLine();
    void brief();
    void theWorstIsShownFirst();
    void placesComeOpenOnlyWhereSuspected();
    void choiceStays();
    void returned();
    void stackIsFoldedAndCopied();
    void aLineIsOpened();
    void findsSources();
    void reclaim_data();
    void reclaim();
    void bothKinds();
    void theOtherSide();
    void thePastOfACheckout();
    void hostile();
    void pictures();
};

void LeaksPageTest::namesTheLine()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    QCOMPARE(page.findChild<PageTitle*>()->sentence(),
             QStringLiteral("14 connections of shop are held by checkout.cpp:88, 20 of 20 in use, "
                            "4 wait"));
    QCOMPARE(page.count(), 14);
    QCOMPARE(label(page, "holderWords"), QStringLiteral("22 held, 14 suspected"));
    QCOMPARE(top(page, 0).data().toString(), QStringLiteral("checkout.cpp:88  place_order()"));
    // A page that nobody looks at counts all the same.
    fixture.show("overview");
    scene.end(scene.leaked().front().id.str());
    fixture.apply(scene.take());
    QCOMPARE(page.count(), 13);
}

/// All current holders are listed, whatever their age.
void LeaksPageTest::brief()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    QCOMPARE(page.table().model()->rowCount(), 4);
    int holders = 0;
    for (int row = 0; row < 4; ++row)
        holders += page.table().model()->rowCount(top(page, row));
    QCOMPARE(holders, int(scene.pools().checkouts.size()));
}

void LeaksPageTest::theWorstIsShownFirst()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    QVERIFY(detail(page).isVisible());
    QVERIFY(page.table().selectionModel()->isSelected(top(page, 0)));
    QVERIFY(label(page, "holderEvidence").startsWith(QStringLiteral("14 of 14 held from here")));
    QCOMPARE(page.findChild<FrameList*>()->stack(), scene.stack(PoolScene::leak));
}

void LeaksPageTest::placesComeOpenOnlyWhereSuspected()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    QVERIFY(page.table().isExpanded(top(page, 0)));
    for (int row = 1; row < 4; ++row)
        QVERIFY(!page.table().isExpanded(top(page, row)));
    page.table().setExpanded(top(page, 3), true);
    page.table().setExpanded(top(page, 0), false);
    for (int i = 0; i < 3; ++i) {
        scene.advance();
        fixture.apply(scene.take());
    }
    fixture.apply(scene.take(true));
    QVERIFY(page.table().isExpanded(top(page, 3)));
    QVERIFY(!page.table().isExpanded(top(page, 0)));
}

void LeaksPageTest::choiceStays()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    const QModelIndex third = page.table().model()->index(2, 0, top(page, 0));
    const QString name = third.data().toString();
    choose(page, third);
    QVERIFY(label(page, "holderEvidence").contains(QStringLiteral("The critical threshold is")) ||
            label(page, "holderEvidence").contains(QStringLiteral("The alert threshold is")));
    for (int i = 0; i < 30; ++i) {
        scene.advance();
        fixture.apply(i % 10 == 9 ? scene.take(true) : scene.take());
        QCOMPARE(page.table().currentIndex().siblingAtColumn(0).data().toString(), name);
        QVERIFY(page.table().selectionModel()->isSelected(page.table().currentIndex()));
    }
    // Another page and back.
    fixture.show("sessions");
    fixture.show("leaks");
    QCOMPARE(page.table().currentIndex().siblingAtColumn(0).data().toString(), name);
}

void LeaksPageTest::returned()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    const CheckoutKey key = scene.leaked().front();
    choose(page, page.table().model()->index(0, 0, top(page, 0)));
    QVERIFY(!button(page, "reclaimConnection")->isHidden());
    const Update before = scene.whole();
    scene.end(key.id.str());
    fixture.apply(scene.take());
    QCOMPARE(label(page, "holderEmpty"), QStringLiteral("This checkout has come back."));
    // At an earlier instant it is held, and still chosen.
    fixture.apply(before);
    QVERIFY(page.table().selectionModel()->hasSelection());
    QVERIFY(page.table().currentIndex().siblingAtColumn(0).data().toString().startsWith(
        QString::fromStdString(key.id.str())));
    QVERIFY(page.findChild<QLabel*>(QStringLiteral("holderEmpty"))->isHidden());
}

void LeaksPageTest::stackIsFoldedAndCopied()
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

void LeaksPageTest::aLineIsOpened()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    fixture.apply(scene.take(true));
    SourceOpener::setEditor(QString());
    SourceOpener::setSources(QString());
    QTest::keyClick(&page.table(), Qt::Key_E, Qt::ControlModifier);
    QVERIFY(
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
    QCOMPARE(label(page, "openWords"), QStringLiteral("Opened src/checkout.cpp:88."));
    QTRY_VERIFY(QFile::exists(file.fileName() + QStringLiteral("-88")));
    QVERIFY(button(page, "chooseSources")->isHidden());
    SourceOpener::setEditor(QStringLiteral("/nowhere/editor {file}"));
    button(page, "openLine")->click();
    QVERIFY(label(page, "openWords").contains(QStringLiteral("could not be started")));
    QVERIFY(button(page, "chooseEditor")->isVisible());
}

/// The path is the inspected process's word: it leads to a regular file or nowhere.
void LeaksPageTest::findsSources()
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

void LeaksPageTest::reclaim_data()
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

void LeaksPageTest::reclaim()
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

/// A server's sessions and a process's checkouts in one tree; each with its own detail.
void LeaksPageTest::bothKinds()
{
    PageFixture fixture;
    PoolScene scene;
    SyntheticUpdates server;
    const SessionKey session =
        server.put(48213, SessionState::idle_in_transaction, "billing", std::chrono::seconds{90})
            .session.key;
    LeaksPage& page = leaks(fixture);
    Update update = server.take(true);
    scene.join(update);
    fixture.apply(update);
    QCOMPARE(page.count(), 15);
    // The window offers the session, but the line is as bad and holds more.
    QCOMPARE(fixture.context->selection(), std::optional(session));
    QVERIFY(fixture.context->offered());
    QVERIFY(page.table().selectionModel()->isSelected(top(page, 0)));
    QVERIFY(detail(page).isVisible());
    fixture.context->select(std::nullopt);
    fixture.context->select(session);
    QVERIFY(!detail(page).isVisible());
    choose(page, top(page, 0));
    QVERIFY(detail(page).isVisible());
    update = server.take();
    scene.join(update);
    fixture.apply(update);
    QVERIFY(page.table().selectionModel()->isSelected(top(page, 0))); // not taken back
    fixture.context->select(std::nullopt);
    fixture.context->select(session);
    QVERIFY(!detail(page).isVisible());
    QVERIFY(page.findChild<PageTitle*>()->sentence().startsWith(
        QStringLiteral("14 connections of shop")));
}

/// J leads from a checkout to the session of its connection, and back; never to one that only has
/// the same pid.
void LeaksPageTest::theOtherSide()
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

    apply(std::to_string(*checkout.local_port));
    choose(page, page.table().model()->index(0, 0, top(page, 0)));
    QVERIFY(button(page, "toSession")->isVisibleTo(&detail(page)));
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

void LeaksPageTest::thePastOfACheckout()
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

/// Names, tags and frames are what they are: characters.
void LeaksPageTest::hostile()
{
    PageFixture fixture;
    PoolScene scene;
    LeaksPage& page = leaks(fixture);
    const std::string bad = "<img src='file:///etc/passwd'><b>\x1b[31mx\xff\n\u202e</b>";
    Checkout c;
    c.key.id = Text(bad + std::string(5000, 'x'));
    c.pool = Text(bad);
    c.acquired_by = Text(bad);
    c.thread = Text(bad);
    c.tags = {{Text(bad), Text(bad)}};
    for (int i = 0; i < 100; ++i)
        c.tags.emplace_back(Text("t" + std::to_string(i)), Text(std::string(3000, 'y')));
    c.statement = Text(bad);
    c.acquired = scene.now() - std::chrono::hours{2};
    c.stack = make_stack({{Text(bad), Text("/x/" + bad + std::string(300, 'f')), 2147483647, true},
                          {Text(), Text(), 0, false},
                          {Text(std::string(9000, '<')), Text(), -5, false}});
    scene.put(c);
    Checkout bare; // nothing is known of it
    bare.key.id = Text("");
    bare.acquired = scene.now() - std::chrono::hours{3};
    scene.put(bare);
    fixture.apply(scene.take(true));
    QStringList texts{page.findChild<PageTitle*>()->sentence()};
    for (int row = 0; row < page.table().model()->rowCount(); ++row) {
        choose(page, top(page, row));
        fixture.apply(scene.take());
        for (const QLabel* each : page.findChildren<QLabel*>()) {
            QCOMPARE(each->textFormat() == Qt::RichText, false);
            texts += each->text();
        }
        choose(page, page.table().model()->index(0, 0, top(page, row)));
        for (int column = 0; column < leakColumnCount; ++column) {
            texts += top(page, row).siblingAtColumn(column).data().toString();
            texts += page.table().currentIndex().siblingAtColumn(column).data().toString();
        }
        for (const QLabel* each : page.findChildren<QLabel*>())
            texts += each->text();
        texts += stackText(page.findChild<FrameList*>()->stack().get());
        page.grab();
    }
    for (const QString& text : texts) {
        QVERIFY(!text.contains(QChar(0x1b)));
        QVERIFY(!text.contains(QChar(0x202e)));
        QVERIFY2(text.size() < 40000, qPrintable(text.left(100)));
    }
    QVERIFY(texts.join(u' ').contains(QStringLiteral("<img src='file:///etc/passwd'>")));
    QVERIFY(texts.join(u' ').contains(Formatter::notReported()));
}

void LeaksPageTest::pictures()
{
    PoolScene scene;
    for (const auto mode : {Theme::Mode::light, Theme::Mode::dark}) {
        const QString theme = Theme::nameOf(mode);
        for (const QSize size : {QSize(1224, 650), QSize(1240, 750), QSize(2320, 1290)}) {
            PageFixture fixture(size);
            Theme::current().setMode(mode);
            LeaksPage& page = leaks(fixture);
            fixture.apply(scene.take(true));
            const QString name = QStringLiteral("%1-%2").arg(theme).arg(size.width());
            shoot(fixture, name + QStringLiteral("-place"));
            choose(page, page.table().model()->index(2, 0, top(page, 0)));
            shoot(fixture, name + QStringLiteral("-checkout"));
            choose(page, page.table().model()->index(0, 0, top(page, 1)));
            shoot(fixture, name + QStringLiteral("-longrunning"));
        }
        PageFixture fixture;
        leaks(fixture);
        shoot(fixture, theme + QStringLiteral("-nothing"));
        Update quiet = scene.whole();
        quiet.checkouts.clear();
        quiet.targets.front().places.clear();
        fixture.apply(quiet);
        shoot(fixture, theme + QStringLiteral("-empty"));
        SyntheticUpdates server;
        server.put(48213, SessionState::idle_in_transaction, "billing", std::chrono::seconds{400});
        server.put(48214, SessionState::idle_in_transaction, "billing", std::chrono::seconds{90});
        Update both = server.take(true);
        scene.join(both);
        fixture.apply(both);
        shoot(fixture, theme + QStringLiteral("-both"));
        fixture.show("overview");
        shoot(fixture, theme + QStringLiteral("-overview-both"));
        Update old = scene.whole();
        old.targets.front().status = {Reach::failing, "The socket was closed.", {}, {}};
        old.now += std::chrono::seconds{40};
        fixture.apply(old);
        shoot(fixture, theme + QStringLiteral("-overview"));
        leaks(fixture);
        shoot(fixture, theme + QStringLiteral("-stale"));
    }
    Theme::current().setMode(Theme::Mode::light);
}

QTEST_MAIN(LeaksPageTest)
#include "tst_leakspage.moc"
