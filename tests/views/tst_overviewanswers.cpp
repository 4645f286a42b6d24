// SPDX-License-Identifier: GPL-3.0-or-later
// Where the evidence of a diagnosis leads.
#include "tests/support/places.h"
#include "tests/support/poolscene.h"
#include "tests/views/pagefixture.h"
#include "ui/views/answerpanel.h"
#include "ui/views/chartboard.h"
#include "ui/views/linkbutton.h"

#include <QLabel>
#include <QScopeGuard>
#include <QSignalSpy>
#include <QTest>

#include <algorithm>

using namespace poolscope;
using poolscope::test::inTree;
using namespace poolscope::support;
using namespace std::chrono_literals;

namespace {

QList<LinkButton*> linksOf(const Page& overview)
{
    QList<LinkButton*> shown;
    for (LinkButton* const link : overview.findChild<AnswerPanel*>()->findChildren<LinkButton*>()) {
        if (link->isVisible())
            shown += link;
    }
    return shown;
}

} // namespace

class OverviewAnswersTest : public QObject
{
    Q_OBJECT
private slots:
    void evidenceLeadsToItsSession();
    void evidenceOfEarlierLeadsBackThere();
    void evidenceLeadsToItsCheckout();
    void theAnswerIsWhole_data();
    void theAnswerIsWhole();
};

/// In the recording of a real incident, once its blocker is blocking.
void OverviewAnswersTest::evidenceLeadsToItsSession()
{
    PageFixture f;
    f.follow();
    f.workspace->open(inTree("resources/samples/incident.poolrec"));
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    f.workspace->seek(f.workspace->transport().start + 240s);
    const Page& overview = f.page("overview");
    QTRY_VERIFY(!linksOf(overview).isEmpty());
    QSignalSpy pages(f.context.get(), &ViewContext::navigationRequested);
    QSignalSpy seeks(f.context.get(), &ViewContext::seekRequested);
    const QList<LinkButton*> links = linksOf(overview);
    QCOMPARE(links.size(), 2); // what it ran last, and how long the first of them has waited
    const QStringList to{QStringLiteral("sessions"), QStringLiteral("blocking")};
    for (qsizetype i = 0; i < links.size(); ++i) {
        f.context->select(std::nullopt);
        QTest::mouseClick(links[i], Qt::LeftButton);
        QCOMPARE(pages.size(), i + 1);
        QCOMPARE(pages.back().front().toString(), to[i]);
        QVERIFY(f.context->selection().has_value());
        const SessionRow* const chosen = f.store->find(*f.context->selection());
        QVERIFY(chosen);
        QVERIFY(chosen->session.state == SessionState::idle_in_transaction);
        QVERIFY(chosen->blocks > 0);
        QVERIFY(!f.context->offered()); // it is the user's choice from here on
    }
    QCOMPARE(seeks.size(), 0); // it is now
}

/// What was seen half a minute ago is shown as it was then; of a moment ago, one stays.
void OverviewAnswersTest::evidenceOfEarlierLeadsBackThere()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(100, SessionState::idle_in_transaction, "shop-api", 400s);
    const Update update = updates.take(true);
    f.apply(update);
    const Page& overview = f.page("overview");
    auto* const panel = overview.findChild<AnswerPanel*>();
    QSignalSpy pages(f.context.get(), &ViewContext::navigationRequested);
    QSignalSpy seeks(f.context.get(), &ViewContext::seekRequested);
    AnswerEvidence link;
    link.page = QStringLiteral("sessions");
    for (const auto ago : {30s, 9s}) {
        link.at = update.now - ago;
        emit panel->linkChosen(link);
    }
    link.at = {}; // of no moment
    emit panel->linkChosen(link);
    QCOMPARE(pages.size(), 3);
    QCOMPARE(seeks.size(), 1);
    QCOMPARE(seeks.front().front().value<Timestamp>(), update.now - 30s);
}

void OverviewAnswersTest::evidenceLeadsToItsCheckout()
{
    PageFixture f;
    PoolScene scene;
    f.apply(scene.take(true));
    const CheckoutKey open = scene.leaked().front();
    auto* const panel = f.page("overview").findChild<AnswerPanel*>();
    QSignalSpy checkouts(f.context.get(), &ViewContext::checkoutRequested);
    QSignalSpy pages(f.context.get(), &ViewContext::navigationRequested);
    AnswerEvidence link;
    link.page = QStringLiteral("leaks");
    link.checkout = open;
    emit panel->linkChosen(link);
    QCOMPARE(checkouts.size(), 1);
    QVERIFY(checkouts.front().front().value<CheckoutKey>() == open);
    QCOMPARE(pages.size(), 1);
    link.checkout->id = Text{"given back meanwhile"};
    emit panel->linkChosen(link);
    QCOMPARE(checkouts.size(), 1); // its page is all that there is to show
    QCOMPARE(pages.size(), 2);
}

void OverviewAnswersTest::theAnswerIsWhole_data()
{
    QTest::addColumn<double>("scale");
    QTest::addColumn<QSize>("size");
    QTest::newRow("1280x800") << 1.0 << QSize(1090, 640);
    QTest::newRow("large texts") << 1.7 << QSize(1270, 620);
    QTest::newRow("large texts, tall") << 1.7 << QSize(1270, 900);
    QTest::newRow("twice as large") << 2.0 << QSize(1900, 900);
}

/// The charts make room for it: it is what one reads first.
void OverviewAnswersTest::theAnswerIsWhole()
{
    QFETCH(double, scale);
    QFETCH(QSize, size);
    Theme::current().setScale(scale);
    const auto asBefore = qScopeGuard([] { Theme::current().setScale(1.0); });
    PageFixture f(size);
    f.follow();
    f.workspace->open(inTree("resources/samples/incident.poolrec"));
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    f.workspace->seek(f.workspace->transport().start + 240s);
    Page& overview = f.show("overview");
    QTRY_VERIFY(!linksOf(overview).isEmpty());
    const auto* const panel = overview.findChild<AnswerPanel*>();
    int texts = 0;
    const auto cut = [&] {
        texts = 0;
        for (const QLabel* const label : panel->findChildren<QLabel*>()) {
            if (!label->isVisible() || label->text().isEmpty())
                continue;
            ++texts;
            const int needed = label->wordWrap() ? label->heightForWidth(label->width())
                                                 : label->sizeHint().height();
            if (label->height() < needed)
                return label->text();
        }
        for (const LinkButton* const link : linksOf(overview)) {
            ++texts;
            if (link->height() < link->sizeHint().height())
                return link->text();
        }
        return QString();
    };
    QTRY_COMPARE(cut(), QString());
    QVERIFY(texts >= 6);
    // The charts come back where there is room for both.
    f.resize(Theme::current().scaled(QSize(1240, 720)));
    QTRY_VERIFY(overview.findChild<ChartBoard*>()->isVisible());
}

QTEST_MAIN(OverviewAnswersTest)
#include "tst_overviewanswers.moc"
