// SPDX-License-Identifier: GPL-3.0-or-later
// Where the evidence of a diagnosis leads.
#include "tests/support/paintedtexts.h"
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
    void adviceInFull_data();
    void adviceInFull();
};

/// In the recording of a real incident, once its blocker is blocking.
void OverviewAnswersTest::evidenceLeadsToItsSession()
{
    PageFixture f;
    f.follow();
    f.workspace->open(inTree("resources/samples/incident.poolrec"));
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    const Timestamp then = f.workspace->transport().start + 240s;
    f.workspace->seek(then);
    const Page& overview = f.page("overview");
    // Of that moment: there were others before, which lead elsewhere.
    QTRY_VERIFY(f.store->now() >= then - 1s && !linksOf(overview).isEmpty());
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
    QTRY_VERIFY(cut().isEmpty() && texts >= 6);
    // The charts come back where there is room for both.
    f.resize(Theme::current().scaled(QSize(1240, 720)));
    QTRY_VERIFY(overview.findChild<ChartBoard*>()->isVisible());
}

void OverviewAnswersTest::adviceInFull_data()
{
    QTest::addColumn<bool>("acts");
    QTest::newRow("slow statements") << true;
    QTest::newRow("load spike") << false;
}

/// What to do in two sentences and more, as slow statements and a load spike have it: nothing of it
/// is cut at the smallest usual size, and it stands in the wide column.
void OverviewAnswersTest::adviceInFull()
{
    QFETCH(const bool, acts);
    PageFixture f{{1208, 640}}; // what a window of 1280x800 leaves
    SyntheticUpdates updates;
    const SessionKey session = updates.put(6325, SessionState::active, "shop-api", 4s).session.key;
    Update update = updates.take(true);
    Diagnosis d;
    d.target = update.targets[0].info.id;
    d.pool = Text{"shop"};
    d.cause = acts ? Cause::slow_statements : Cause::load_spike;
    d.confidence = Confidence::high;
    d.since = update.now - 30s;
    d.sentence = "Pool shop is exhausted (6 of 6 are lent, 4 wait): 6 connections run statements, "
                 "the longest for 4 s so far, most of them SELECT sum(total) FROM orders o JOIN "
                 "lines l ON l.orderid = o.id WHERE o.day = 7.";
    for (const char* const words :
         {"In the last 10 s 8 checkouts came back, held for 5 s each; before, it was 21.0 ms.",
          "It reads from disk: 41 of 52 looks in the last 19 s found it in IO/DataFileRead, 9 on a "
          "processor.",
          "Acquires: 0.8 a second now, 59.8 a second before.", "Lent to serve, for 4 s."})
        d.evidence.push_back({words, "pools", update.now});
    Relief relief;
    relief.sentence =
        "Cancel the statement of session 6325 of shop (127.0.0.1): that frees 1 of 6 connections "
        "that are busy like it. Cancel 6326, 6321, 6318 too, the next oldest, and all of the 4 "
        "that wait go on. What comes next runs the same.";
    if (acts)
        relief.session = session;
    d.relief = relief;
    d.prevention =
        "Look at its plan with EXPLAIN (ANALYZE, BUFFERS): many rows in memory, a missing index or "
        "old statistics (ANALYZE) look like this. To bound all that this role runs on new "
        "connections (now unbounded): ALTER ROLE \"some-longer-name\" SET statement_timeout = "
        "'1s'; and two more words that nobody needs, so that it is longer than anything before.";
    update.targets[0].diagnoses = {d};
    f.apply(update);
    const Page& overview = f.page("overview");
    QCOMPARE(linksOf(overview).size(), 4);
    auto* const panel = overview.findChild<AnswerPanel*>();
    auto* const prevention = panel->findChild<QLabel*>(QStringLiteral("prevention"));
    QVERIFY(prevention && prevention->isVisible());
    QVERIFY(prevention->text().endsWith(QStringLiteral("before.")));
    for (const QLabel* const label : panel->findChildren<QLabel*>()) {
        if (label->isVisible() && label->wordWrap())
            QVERIFY2(label->height() >= label->heightForWidth(label->width()),
                     qPrintable(label->text()));
    }
    QVERIFY(overview.rect().contains(
        QRect(panel->mapTo(&overview, QPoint()), panel->size()))); // nor below the page's end
    QVERIFY(prevention->width() > panel->width() / 2);
    QCOMPARE(faultIn(paintedTexts(*panel), panel->rect()), QString());
}

QTEST_MAIN(OverviewAnswersTest)
#include "tst_overviewanswers.moc"
