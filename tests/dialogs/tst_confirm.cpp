// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/dialogs/confirmcases.h"
#include "ui/dialogs/confirmcommanddialog.h"
#include "ui/theme/theme.h"

#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableWidget>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;
using namespace std::chrono_literals;

namespace {

const Timestamp now = timestamp_from_us(1'763'735'320'000'000);

SessionRow row(std::int64_t pid, SessionState state, const char* type = "client backend")
{
    SessionRow r;
    r.session.key = {TargetId{1}, Pid{pid}, now - 1h};
    r.session.user = Text{"shop"};
    r.session.application = Text{"shop-api"};
    r.session.backend_type = Text{type};
    r.session.state = state;
    r.session.transaction_since = now - 372s;
    return r;
}

Update updateWith(const std::vector<SessionRow>& rows)
{
    Update update;
    update.reset = true;
    update.now = now;
    update.changed = rows;
    TargetSummary target;
    target.info = {TargetId{1}, "postgresql", "shop-db", "service=shop-db"};
    target.facts = ServerFacts{};
    target.facts->max_connections = 200;
    target.counts[0] = 142;
    target.locks[Pid{10}] = {{"relation", "public.orders", "RowExclusiveLock", true}};
    BlockingTree tree;
    tree.root.key = rows.front().session.key;
    BlockingNode waiter;
    waiter.key = {TargetId{1}, Pid{90}, now - 1h};
    tree.root.waiting.push_back(waiter);
    target.blocking.trees.push_back(tree);
    update.targets = {target};
    update.actions = std::make_shared<const std::vector<ActionRecord>>();
    update.notes = std::make_shared<const std::vector<NoteRecord>>();
    return update;
}

} // namespace

class TestConfirm : public QObject
{
    Q_OBJECT

    std::vector<SessionRow> rows_{row(10, SessionState::idle_in_transaction),
                                  row(11, SessionState::active), row(90, SessionState::waiting)};
    SessionStore store_;

private slots:
    void initTestCase() { Theme::current().install(); }
    void init()
    {
        store_ = SessionStore();
        store_.apply(updateWith(rows_));
    }

    void saysExactlyWhatItDoes()
    {
        ConfirmCommandDialog dialog(ActionVerb::terminate, {rows_[0]}, store_, Formatter(true));
        QCOMPARE(child<QLabel>(dialog, "question")->text(),
                 QStringLiteral("Terminate session 10 on shop-db?"));
        QCOMPARE(dialog.plan().hits.size(), 1u);
        QCOMPARE(dialog.plan().hits[0].holds, QStringLiteral("locks on public.orders"));
        QVERIFY(dialog.plan().unblocks.startsWith(QStringLiteral("1 session")));
        QVERIFY(dialog.plan().unblocks.contains(QStringLiteral("shop-api")));
        QVERIFY(dialog.plan().frees.contains(QStringLiteral("142")));
        QVERIFY(dialog.plan().identity.contains(QStringLiteral("only if pid 10")));
        auto* table = dialog.findChild<QTableWidget*>();
        QCOMPARE(table->rowCount(), 1);
        QCOMPARE(table->item(0, 0)->text(), QStringLiteral("10"));
        QVERIFY(!child<QPushButton>(dialog, "gentle"));
    }

    void showsHowTheyStandNow_data()
    {
        QTest::addColumn<bool>("several");
        QTest::newRow("one") << false;
        QTest::newRow("several") << true;
    }
    void showsHowTheyStandNow()
    {
        QFETCH(bool, several);
        std::vector<SessionRow> asked{rows_[0]};
        if (several)
            asked.push_back(rows_[2]);
        ConfirmCommandDialog dialog(ActionVerb::terminate, asked, store_, Formatter(true));
        dialog.show();
        QVERIFY(QTest::qWaitForWindowExposed(&dialog));
        const auto* const table = dialog.findChild<QTableWidget*>();
        const auto* const note = child<QLabel>(dialog, "note");
        const QString footnote = note->text();
        QCOMPARE(table->item(0, 5)->text(), QStringLiteral("6m 12s"));
        const auto later = [&](const SessionRow& row) {
            Update update = updateWith(rows_);
            update.reset = false;
            update.now = now + 30s;
            update.changed = {row};
            store_.apply(update);
            dialog.apply(update, store_);
        };
        // The same transaction, half a minute later: nothing but its age is another.
        later(rows_[0]);
        QCOMPARE(table->item(0, 5)->text(), QStringLiteral("6m 42s"));
        QCOMPARE(table->item(0, 4)->text(),
                 Formatter::stateShort(SessionState::idle_in_transaction));
        QCOMPARE(note->text(), footnote);
        // It committed, and is at work on the next one.
        SessionRow moved = rows_[0];
        moved.session.state = SessionState::active;
        moved.session.transaction_since = now + 28s;
        later(moved);
        QCOMPARE(table->item(0, 5)->text(), QStringLiteral("2.0 s"));
        QCOMPARE(table->item(0, 4)->text(), Formatter::stateShort(SessionState::active));
        QVERIFY2(note->text().contains(QStringLiteral("Session 10 has ended the transaction")),
                 qPrintable(note->text()));
        nothingIsCut(dialog);
        QVERIFY(child<QPushButton>(dialog, "act")->isEnabled()); // the user decides
    }

    /// One pid may be on both servers.
    void saysOnWhichTargetEachIs()
    {
        Update update = updateWith(rows_);
        SessionRow elsewhere = rows_[0];
        elsewhere.session.key.target = TargetId{2};
        update.changed.push_back(elsewhere);
        TargetSummary other = update.targets.front();
        other.info = {TargetId{2}, "postgresql", "orders-db", "service=orders-db"};
        other.blocking = {};
        update.targets.push_back(other);
        store_.apply(update);
        ConfirmCommandDialog dialog(ActionVerb::terminate, {rows_[0], elsewhere}, store_,
                                    Formatter(true));
        QCOMPARE(child<QLabel>(dialog, "question")->text(),
                 QStringLiteral("Terminate 2 sessions on shop-db and orders-db?"));
        const auto* const table = dialog.findChild<QTableWidget*>();
        int column = 0;
        while (table->horizontalHeaderItem(column)->text() != QStringLiteral("Target"))
            QVERIFY(++column < table->columnCount());
        QCOMPARE(table->item(0, column)->text(), QStringLiteral("shop-db"));
        QCOMPARE(table->item(1, column)->text(), QStringLiteral("orders-db"));
    }

    /// Who queues behind others, or waits for one that waits, goes on after those.
    void saysWhoGoesOnAtOnce()
    {
        Update update = updateWith(rows_);
        BlockingNode& first = update.targets[0].blocking.trees[0].root.waiting.front();
        BlockingNode queued = first;
        queued.key.pid = Pid{91};
        queued.queued = true;
        BlockingNode behind = first;
        behind.key.pid = Pid{92};
        first.waiting.push_back(behind);
        update.targets[0].blocking.trees[0].root.waiting.push_back(queued);
        store_.apply(update);
        ConfirmCommandDialog dialog(ActionVerb::terminate, {rows_[0]}, store_, Formatter(true));
        QVERIFY2(dialog.plan().unblocks.startsWith(
                     QStringLiteral("3 sessions, 1 of them at once, the others after those: ")),
                 qPrintable(dialog.plan().unblocks));
        // Where the one between them ends as well, who waited for it does go on.
        ConfirmCommandDialog both(ActionVerb::terminate, {rows_[0], rows_[2]}, store_,
                                  Formatter(true));
        QVERIFY2(both.plan().unblocks.startsWith(QStringLiteral("2 sessions, 1 of them at once")),
                 qPrintable(both.plan().unblocks));
    }

    void saysWhoseSessionItIs()
    {
        SessionRow one = rows_[0];
        one.session.client = Text{"10.20.4.17:40123"};
        one.session.statement = Text{"UPDATE orders SET state = 'paid' WHERE id = 7"};
        SessionRow other = rows_[1];
        other.session.application = Text{"billing"};
        const auto words = [](ConfirmCommandDialog& dialog) {
            QStringList all;
            const auto* const table = dialog.findChild<QTableWidget*>();
            for (int column = 0; column < table->columnCount(); ++column)
                all << table->item(0, column)->text();
            for (const QLabel* const label : dialog.findChildren<QLabel*>())
                all << label->text().remove(QChar(0x200b));
            return all;
        };
        ConfirmCommandDialog dialog(ActionVerb::terminate, {one}, store_, Formatter(true));
        ConfirmCommandDialog several(ActionVerb::terminate, {one, other}, store_, Formatter(true));
        for (ConfirmCommandDialog* const each : {&dialog, &several}) {
            const QStringList all = words(*each);
            for (const char* const expected :
                 {"shop-api", "10.20.4.17:40123", "UPDATE orders SET state = 'paid' WHERE id = 7",
                  "locks on public.orders"})
                QVERIFY2(all.contains(QLatin1String(expected)), expected);
        }
        // Nothing of the one that is asked about is cut.
        dialog.show();
        QVERIFY(QTest::qWaitForWindowExposed(&dialog));
        const auto* const table = dialog.findChild<QTableWidget*>();
        int across = 0;
        for (int column = 0; column < table->columnCount(); ++column)
            across += table->columnWidth(column);
        QVERIFY(across <= table->viewport()->width());
    }

    void enterAndEscapeAreSafe_data() { safeKeys(); }
    void enterAndEscapeAreSafe()
    {
        QFETCH(int, key);
        QFETCH(bool, onDanger);
        ConfirmCommandDialog dialog(ActionVerb::terminate, {rows_[0]}, store_, Formatter(true));
        QSignalSpy confirmed(&dialog, &ConfirmCommandDialog::confirmed);
        pressSafely(dialog, key, onDanger);
        QCOMPARE(confirmed.count(), 0);
    }

    void everySentenceIsReadWhole_data()
    {
        QTest::addColumn<ActionVerb>("verb");
        QTest::addColumn<int>("hits");
        QTest::newRow("one statement") << ActionVerb::cancel << 1;
        QTest::newRow("one session") << ActionVerb::terminate << 1;
        QTest::newRow("several") << ActionVerb::terminate << 2;
    }
    void everySentenceIsReadWhole()
    {
        QFETCH(ActionVerb, verb);
        QFETCH(int, hits);
        std::vector<SessionRow> rows{rows_[1], rows_[2]};
        rows.resize(static_cast<std::size_t>(hits));
        rows[0].session.statement_since = now - 5s;
        ConfirmCommandDialog dialog(verb, rows, store_, Formatter(true));
        nothingIsCut(dialog);
    }

    void theRedButtonNamesItAndConfirms()
    {
        ConfirmCommandDialog dialog(ActionVerb::terminate, {rows_[0]}, store_, Formatter(true));
        QSignalSpy confirmed(&dialog, &ConfirmCommandDialog::confirmed);
        dialog.show();
        auto* act = child<QPushButton>(dialog, "act");
        QCOMPARE(act->text(), QStringLiteral("&Terminate session"));
        QTest::keyClick(act, Qt::Key_Space);
        QCOMPARE(confirmed.count(), 1);
        QVERIFY(!dialog.isVisible());
    }

    void leavesOutWhatMustNotBeHit()
    {
        SessionRow own = row(20, SessionState::idle);
        own.session.own = true;
        SessionRow hidden = row(23, SessionState::unknown);
        hidden.session.key.started = {};
        const std::vector<SessionRow> all{rows_[0],
                                          rows_[1],
                                          own,
                                          row(21, SessionState::active, "walsender"),
                                          row(22, SessionState::active, "autovacuum worker"),
                                          hidden};
        const CommandPlan plan = planCommand(ActionVerb::terminate, all, store_, Formatter(true));
        QCOMPARE(plan.question, QStringLiteral("Terminate 2 sessions on shop-db?"));
        QCOMPARE(plan.rows().size(), 2u);
        QCOMPARE(plan.leftOut.size(), 4);

        ConfirmCommandDialog nobody(ActionVerb::terminate, {own}, store_, Formatter(true));
        QVERIFY(!child<QPushButton>(nobody, "act"));
    }

    void cancelTakesOnlyRunningStatements()
    {
        const CommandPlan plan = planCommand(ActionVerb::cancel, rows_, store_, Formatter(true));
        QCOMPARE(plan.rows().size(), 2u);
        QCOMPARE(plan.leftOut.size(), 1);
    }

    void offersCancelBeforeTerminate()
    {
        ConfirmCommandDialog dialog(ActionVerb::terminate, {rows_[1]}, store_, Formatter(true));
        QSignalSpy instead(&dialog, &ConfirmCommandDialog::cancelInstead);
        auto* gentle = child<QPushButton>(dialog, "gentle");
        QVERIFY(gentle);
        gentle->click();
        QCOMPARE(instead.count(), 1);
    }

    void bulkFillsResultsInPlace()
    {
        ConfirmCommandDialog dialog(ActionVerb::terminate, {rows_[0], rows_[1]}, store_,
                                    Formatter(true));
        QSignalSpy confirmed(&dialog, &ConfirmCommandDialog::confirmed);
        dialog.show();
        // One of before must not be taken for a result.
        Update update = updateWith(rows_);
        ActionRecord old;
        old.id = ActionId{4};
        old.verb = ActionVerb::terminate;
        old.session = rows_[0].session.key;
        old.phase = ActionPhase::refused;
        update.actions =
            std::make_shared<const std::vector<ActionRecord>>(std::vector<ActionRecord>{old});
        dialog.apply(update, store_);
        child<QPushButton>(dialog, "act")->click();
        QCOMPARE(confirmed.count(), 1);
        QVERIFY(dialog.isVisible());
        dialog.apply(update, store_);
        auto* table = dialog.findChild<QTableWidget*>();
        QCOMPARE(table->item(0, 8)->text(), Formatter::phase(ActionPhase::requested));

        ActionRecord first = old;
        first.id = ActionId{5};
        first.phase = ActionPhase::observed;
        ActionRecord second = first;
        second.id = ActionId{6};
        second.session = rows_[1].session.key;
        second.phase = ActionPhase::refused;
        second.outcome = "must be a superuser to terminate superuser process";
        update.actions = std::make_shared<const std::vector<ActionRecord>>(
            std::vector<ActionRecord>{old, first, second});
        dialog.apply(update, store_);
        QCOMPARE(table->item(0, 8)->text(), Formatter::phase(ActionPhase::observed));
        QVERIFY(table->item(1, 8)->text().contains(QStringLiteral("must be a superuser")));
        QVERIFY(child<QLabel>(dialog, "note")->text().startsWith(QStringLiteral("All answered")));
        // What has not changed is left alone.
        const QTableWidgetItem* const same = table->item(1, 8);
        QSignalSpy changed(table, &QTableWidget::itemChanged);
        dialog.apply(update, store_);
        QCOMPARE(changed.count(), 0);
        QCOMPARE(table->item(1, 8), same);
    }

    void whoLeftIsStruckAndLeftOut()
    {
        ConfirmCommandDialog dialog(ActionVerb::terminate, {rows_[0], rows_[1]}, store_,
                                    Formatter(true));
        QSignalSpy confirmed(&dialog, &ConfirmCommandDialog::confirmed);
        Update update = updateWith({rows_[0]});
        // The pid is there again, but it is another session.
        SessionRow again = rows_[1];
        again.session.key.started = now - 1s;
        update.changed.push_back(again);
        store_.apply(update);
        dialog.apply(update, store_);
        auto* table = dialog.findChild<QTableWidget*>();
        QVERIFY(!table->item(0, 0)->font().strikeOut());
        QVERIFY(table->item(1, 0)->font().strikeOut());
        child<QPushButton>(dialog, "act")->click();
        const auto sent = confirmed.takeFirst().at(1).value<std::vector<SessionRow>>();
        QCOMPARE(sent.size(), 1u);
        QCOMPARE(sent[0].session.key, rows_[0].session.key);
    }

    void namesFromOutsideAreShownAsTheyAre()
    {
        SessionRow evil = rows_[0];
        evil.session.user = Text{"<b>x</b>\u202e" + std::string(10000, 'y')};
        ConfirmCommandDialog dialog(ActionVerb::terminate, {evil}, store_, Formatter(true));
        const QString shown = dialog.findChild<QTableWidget*>()->item(0, 1)->text();
        QVERIFY(shown.startsWith(QStringLiteral("<b>x</b>")));
        QVERIFY(shown.size() < 200);
        QVERIFY(!shown.contains(QChar(0x202e)));
        for (const QLabel* label : dialog.findChildren<QLabel*>())
            QCOMPARE(label->textFormat(), Qt::PlainText);
    }
};

QTEST_MAIN(TestConfirm)
#include "tst_confirm.moc"
