// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/dialogs/confirmcases.h"
#include "tests/support/poolscene.h"
#include "ui/dialogs/confirmreclaimdialog.h"
#include "ui/theme/theme.h"

#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableWidget>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;

/// Taking connections back is confirmed: exactly these, safely.
class TestReclaim : public QObject
{
    Q_OBJECT

    std::unique_ptr<PoolScene> scene_;
    SessionStore store_;

    void takeActions(ConfirmReclaimDialog& dialog, const std::vector<ActionRecord>& actions)
    {
        Update update = scene_->take();
        update.actions = std::make_shared<const std::vector<ActionRecord>>(actions);
        store_.apply(update);
        dialog.apply(update, store_);
    }
    static ActionRecord action(std::uint64_t id, const CheckoutKey& key, ActionPhase phase,
                               const char* outcome)
    {
        ActionRecord record;
        record.id = ActionId{id};
        record.verb = ActionVerb::reclaim;
        record.checkout = key;
        record.phase = phase;
        record.outcome = outcome;
        return record;
    }

private slots:
    void initTestCase() { Theme::current().install(); }
    void init()
    {
        scene_ = std::make_unique<PoolScene>();
        store_ = SessionStore();
        store_.apply(scene_->take(true));
    }

    void saysExactlyWhatItDoes()
    {
        const CheckoutKey key = scene_->leaked().front();
        ConfirmReclaimDialog dialog({key}, store_);
        const Checkout& checkout = scene_->checkout(key.id.str());
        QCOMPARE(child<QLabel>(dialog, "question")->text(),
                 QStringLiteral("Reclaim connection %1 of pool shop on shop-api?")
                     .arg(QString::fromStdString(checkout.connection.str())));
        QVERIFY(dialog.plan().destroys.contains(QStringLiteral("rolled back")));
        QCOMPARE(dialog.plan().unblocks, QStringLiteral("1 of the 4 that wait for pool shop"));
        QCOMPARE(dialog.plan().frees, QStringLiteral("1 of the 20 in use; the limit is 20"));
        QVERIFY(dialog.plan().identity.contains(QString::fromStdString(key.id.str())));
        auto* table = dialog.findChild<QTableWidget*>();
        QCOMPARE(table->rowCount(), 1);
        QCOMPARE(table->item(0, 0)->text(), QString::fromStdString(key.id.str()));
        QCOMPARE(table->item(0, 1)->text(), QStringLiteral("shop"));
        QCOMPARE(table->item(0, 3)->text(), QStringLiteral("POST /orders"));
        QCOMPARE(table->item(0, 4)->text(), QStringLiteral("src/checkout.cpp:88"));
    }

    void enterAndEscapeAreSafe_data() { safeKeys(); }
    void enterAndEscapeAreSafe()
    {
        QFETCH(int, key);
        QFETCH(bool, onDanger);
        ConfirmReclaimDialog dialog({scene_->leaked().front()}, store_);
        QSignalSpy confirmed(&dialog, &ConfirmReclaimDialog::confirmed);
        pressSafely(dialog, key, onDanger);
        QCOMPARE(confirmed.count(), 0);
    }

    void everySentenceIsReadWhole()
    {
        ConfirmReclaimDialog one({scene_->leaked().front()}, store_);
        nothingIsCut(one);
        ConfirmReclaimDialog several(scene_->leaked(), store_);
        nothingIsCut(several);
    }

    void theRedButtonSendsThemOnce()
    {
        const CheckoutKey key = scene_->leaked().front();
        ConfirmReclaimDialog dialog({key, key}, store_);
        QCOMPARE(dialog.plan().hits.size(), 1u);
        QSignalSpy confirmed(&dialog, &ConfirmReclaimDialog::confirmed);
        dialog.show();
        auto* act = child<QPushButton>(dialog, "act");
        QVERIFY(!act->isDefault() && !act->autoDefault());
        act->setFocus();
        QTest::keyClick(act, Qt::Key_Space);
        QCOMPARE(confirmed.count(), 1);
        QCOMPARE(confirmed[0][0].value<std::vector<CheckoutKey>>(),
                 (std::vector<CheckoutKey>{key}));
        act->click();
        QCOMPARE(confirmed.count(), 1);
    }

    void theAgesAreThoseOfNow()
    {
        const CheckoutKey key = scene_->leaked().front();
        ConfirmReclaimDialog dialog({key}, store_);
        const auto* const table = dialog.findChild<QTableWidget*>();
        const auto expected = [&] {
            return Formatter::ageCell(
                store_.age(key.target, scene_->checkout(key.id.str()).acquired));
        };
        const QString before = expected();
        QCOMPARE(table->item(0, 2)->text(), before);
        for (int second = 0; second < 61; ++second)
            scene_->advance();
        takeActions(dialog, {});
        QVERIFY(expected() != before);
        QCOMPARE(table->item(0, 2)->text(), expected());
    }

    void whatCameBackIsLeftOut()
    {
        const std::vector<CheckoutKey> keys = scene_->leaked();
        ConfirmReclaimDialog dialog(keys, store_);
        auto* act = child<QPushButton>(dialog, "act");
        QCOMPARE(act->text(), QStringLiteral("&Reclaim %1 connections").arg(keys.size()));
        scene_->end(keys[1].id.str());
        takeActions(dialog, {});
        QCOMPARE(act->text(), QStringLiteral("&Reclaim %1 connections").arg(keys.size() - 1));
        QVERIFY(dialog.findChild<QTableWidget*>()->item(1, 0)->font().strikeOut());
        QSignalSpy confirmed(&dialog, &ConfirmReclaimDialog::confirmed);
        act->click();
        std::vector<CheckoutKey> rest = keys;
        rest.erase(rest.begin() + 1);
        QCOMPARE(confirmed[0][0].value<std::vector<CheckoutKey>>(), rest);
    }

    /// A process that was restarted may give an id anew: that is not what was shown.
    void anIdUsedAgainIsAnother()
    {
        const CheckoutKey key = scene_->leaked().front();
        ConfirmReclaimDialog dialog({key}, store_);
        takeActions(dialog, {});
        auto* act = child<QPushButton>(dialog, "act");
        QVERIFY(act->isEnabled());
        Update update = scene_->take();
        Checkout other = scene_->checkout(key.id.str());
        other.acquired += std::chrono::microseconds{1};
        update.checkouts = {other};
        store_.apply(update);
        dialog.apply(update, store_);
        QVERIFY(!act->isEnabled());
    }

    void theLastOneThatComesBackEndsIt()
    {
        const CheckoutKey key = scene_->leaked().front();
        ConfirmReclaimDialog dialog({key}, store_);
        scene_->end(key.id.str());
        takeActions(dialog, {});
        QVERIFY(!child<QPushButton>(dialog, "act")->isEnabled());
        QVERIFY(child<QLabel>(dialog, "note")->text().contains(QStringLiteral("come back")));
    }

    void resultsComeInPlace()
    {
        const std::vector<CheckoutKey> keys{scene_->leaked()[0], scene_->leaked()[1]};
        ConfirmReclaimDialog dialog(keys, store_);
        // An older try on the same checkout is none of this one's results.
        const ActionRecord old = action(1, keys[0], ActionPhase::refused, "Not now.");
        takeActions(dialog, {old});
        child<QPushButton>(dialog, "act")->click();
        auto* table = dialog.findChild<QTableWidget*>();
        const QString requested = table->item(0, 5)->text();
        QVERIFY(!requested.isEmpty());
        takeActions(dialog, {old, action(2, keys[0], ActionPhase::accepted, "It was closed.")});
        QCOMPARE(table->item(0, 5)->text(), QStringLiteral("It was closed."));
        QCOMPARE(table->item(1, 5)->text(), requested);
        takeActions(dialog, {old, action(2, keys[0], ActionPhase::accepted, "It was closed."),
                             action(3, keys[1], ActionPhase::refused, "It is gone.")});
        QCOMPARE(table->item(1, 5)->text(), QStringLiteral("It is gone."));
        QVERIFY(child<QLabel>(dialog, "note")->text().startsWith(QStringLiteral("All answered")));
    }

    void aProcessThatForbidsItIsLeftOut()
    {
        AgentFacts facts = *scene_->summary().agent;
        facts.may_reclaim = false;
        scene_->observe(AgentReported{facts});
        store_.apply(scene_->take());
        const std::vector<CheckoutKey> keys{scene_->leaked().front(),
                                            CheckoutKey{scene_->id(), Text("c-none")}};
        ConfirmReclaimDialog dialog(keys, store_);
        QVERIFY(dialog.plan().hits.empty());
        QCOMPARE(dialog.plan().leftOut.size(), 2);
        QVERIFY(dialog.plan().leftOut[0].contains(QStringLiteral("does not allow it")));
        QVERIFY(!child<QPushButton>(dialog, "act"));
    }

    void hostileNamesStayPlain()
    {
        Checkout checkout;
        checkout.key.id = Text("c-evil");
        checkout.pool = Text("shop");
        checkout.connection = Text("<b>k</b>\xe2\x80\xae\n");
        checkout.acquired_by = Text("<img src=x>");
        checkout.acquired = scene_->now();
        scene_->put(checkout);
        store_.apply(scene_->take());
        ConfirmReclaimDialog dialog({CheckoutKey{scene_->id(), Text("c-evil")}}, store_);
        auto* question = child<QLabel>(dialog, "question");
        QCOMPARE(question->textFormat(), Qt::PlainText);
        QVERIFY(question->text().contains(QStringLiteral("<b>k</b>")));
        QVERIFY(!question->text().contains(QChar(0x202e)));
    }
};

QTEST_MAIN(TestReclaim)
#include "tst_reclaim.moc"
