// SPDX-License-Identifier: GPL-3.0-or-later
// Thresholds are chosen for what one looked at when one typed them, and taken back where they were
// chosen.
#include "ui/views/thresholdbar.h"

#include <QComboBox>
#include <QLineEdit>
#include <QPushButton>
#include <QTest>
#include <QVBoxLayout>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

struct Choice
{
    TargetId target;
    ThresholdsChanged what;
};

} // namespace

class TestThresholdBar : public QObject
{
    Q_OBJECT

    TargetSummary shop_;
    std::unique_ptr<QWidget> window_;
    ThresholdBar* bar_ = nullptr;
    QLineEdit* table_ = nullptr; ///< something else that takes the focus
    std::vector<Choice> choices_;

    template <class Widget>
    Widget& part(const char* name) const
    {
        return *bar_->findChild<Widget*>(QLatin1String(name));
    }
    const Pool* pool(const char* name) const
    {
        for (const Pool& pool : shop_.pools)
            if (pool.name.str() == name)
                return &pool;
        return nullptr;
    }
    void type(const char* text) const
    {
        auto& alert = part<QLineEdit>("alertAfter");
        alert.setFocus();
        alert.selectAll();
        QTest::keyClicks(&alert, QLatin1String(text));
    }

private slots:
    void init()
    {
        shop_ = {};
        shop_.info.id = TargetId{7};
        shop_.info.name = "shop";
        shop_.agent.emplace();
        for (const char* const name : {"billing", "orders"}) {
            Pool pool;
            pool.name = Text{name};
            shop_.pools.push_back(pool);
        }
        choices_.clear();
        window_ = std::make_unique<QWidget>();
        auto* const layout = new QVBoxLayout(window_.get());
        bar_ = new ThresholdBar;
        table_ = new QLineEdit;
        layout->addWidget(bar_);
        layout->addWidget(table_);
        connect(bar_, &ThresholdBar::chosen, this,
                [this](TargetId target, const ThresholdsChanged& what) {
                    choices_.push_back({target, what});
                });
        window_->show();
        table_->setFocus();
    }

    void whatIsTypedForOnePoolIsNotAppliedToAnother()
    {
        bar_->show(&shop_, pool("orders"), false);
        type("10s");
        table_->setFocus(); // a row is clicked
        bar_->show(&shop_, pool("billing"), false);
        QCOMPARE(part<QLineEdit>("alertAfter").text(), QStringLiteral("30s"));
        QCOMPARE(part<QComboBox>("thresholdScope").itemText(0), QStringLiteral("of pool billing"));
        type("20s");
        table_->setFocus();
        bar_->show(&shop_, nullptr, false);
        QVERIFY(part<QComboBox>("thresholdScope").isHidden());
        QCOMPARE(part<QLineEdit>("alertAfter").text(), QStringLiteral("30s"));
    }

    void whileOneTypesItStaysAboutTheSame()
    {
        bar_->show(&shop_, pool("orders"), false);
        type("10s");
        bar_->show(&shop_, nullptr, false); // its last holder has gone
        QCOMPARE(part<QComboBox>("thresholdScope").currentText(), QStringLiteral("of pool orders"));
        part<QPushButton>("applyThresholds").setFocus();
        bar_->show(&shop_, pool("billing"), false);
        part<QPushButton>("applyThresholds").click();
        QCOMPARE(choices_.size(), 1u);
        QVERIFY(choices_[0].target == shop_.info.id);
        QCOMPARE(choices_[0].what.pool.str(), std::string("orders"));
        QVERIFY(choices_[0].what.thresholds.alert == 10s);
        bar_->show(&shop_, pool("billing"), false);
        QCOMPARE(part<QComboBox>("thresholdScope").currentText(),
                 QStringLiteral("of pool billing"));
    }

    void anotherTargetCanBeAskedFor()
    {
        TargetSummary ledger;
        ledger.info.id = TargetId{8};
        ledger.info.name = "ledger";
        std::vector<TargetId> wanted;
        connect(bar_, &ThresholdBar::targetWanted, this,
                [&](TargetId target) { wanted.push_back(target); });
        bar_->show(&shop_, nullptr, false, {shop_, ledger});
        auto& scope = part<QComboBox>("thresholdScope");
        QVERIFY(scope.isVisible());
        QCOMPARE(scope.currentText(), QStringLiteral("of all of shop"));
        scope.setFocus();
        QTest::keyClick(&scope, Qt::Key_Down);
        QCOMPARE(wanted.size(), 1u);
        QVERIFY(wanted.front() == ledger.info.id);
        bar_->show(&ledger, nullptr, false, {shop_, ledger});
        QCOMPARE(scope.currentText(), QStringLiteral("of all of ledger"));
        part<QPushButton>("applyThresholds").click();
        QCOMPARE(choices_.size(), 1u);
        QVERIFY(choices_[0].target == ledger.info.id);
        // One that has gone is not offered.
        bar_->show(&ledger, nullptr, false, {ledger});
        QVERIFY(scope.isHidden());
    }

    void aChoiceIsTakenBackWhereItWasMade()
    {
        auto& back = part<QPushButton>("takeThresholdsBack");
        bar_->show(&shop_, pool("orders"), false);
        QVERIFY(back.isHidden());
        // Chosen at the start for pools of that name in all targets.
        shop_.judging.pools[Text{"orders"}] = {20s, 60s};
        bar_->show(&shop_, pool("orders"), false);
        QVERIFY(!back.isHidden());
        back.click();
        // Who is told of it knows what counts for that target, and takes that back.
        QCOMPARE(choices_.size(), 1u);
        QVERIFY(choices_[0].target == shop_.info.id);
        QVERIFY(choices_[0].what.revoked && choices_[0].what.pool == Text{"orders"});
        choices_.clear();
        type("10s");
        part<QPushButton>("applyThresholds").click();
        bar_->show(&shop_, pool("orders"), false);
        back.click();
        QCOMPARE(choices_.size(), 2u);
        QVERIFY(choices_[1].target == shop_.info.id && choices_[1].what.revoked);
    }
};

QTEST_MAIN(TestThresholdBar)
#include "tst_thresholdbar.moc"
