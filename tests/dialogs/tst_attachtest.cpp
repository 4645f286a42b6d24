// SPDX-License-Identifier: GPL-3.0-or-later
// The attach dialog's Test, which answers in place.
#include "tests/capture/fakesource.h"
#include "tests/dialogs/attachfixture.h"
#include "tests/support/poolscene.h"
#include "ui/dialogs/attachdialog.h"
#include "ui/dialogs/attachtest.h"

#include <QElapsedTimer>
#include <QLabel>
#include <QLineEdit>
#include <QSemaphore>
#include <QSettings>
#include <QSignalSpy>

#include <atomic>

using namespace poolscope;

class TestAttachTest : public test::AttachFixture
{
    Q_OBJECT
private slots:
    void initTestCase() { nameServices(); }
    void init() { QFile::remove(settingsFile()); }

    void theTestTellsOfAProcess()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        dialog.test()->setSourceFactory(
            [](TargetId id, const AttachRequest&) -> Result<std::unique_ptr<Source>> {
                auto source = std::make_unique<FakeSource>(id);
                source->onStart = [](FakeSource& fake) {
                    const support::PoolScene scene;
                    AgentFacts facts = *scene.summary().agent;
                    facts.can = {"wait"};
                    fake.report(AgentReported{facts});
                    PoolSample sample;
                    sample.full = true;
                    sample.pools = scene.summary().pools;
                    fake.report(sample);
                };
                return std::unique_ptr<Source>(std::move(source));
            });
        dialog.findChild<QLineEdit*>(QStringLiteral("target"))
            ->setText(QStringLiteral("pool://127.0.0.1:7070"));
        QSignalSpy finished(dialog.test(), &AttachTest::finished);
        button(dialog, QStringLiteral("Test"))->click();
        QTRY_COMPARE_WITH_TIMEOUT(finished.count(), 1, 10000);
        QVERIFY(finished[0][0].toBool());
        const QString all = dialog.test()->lines().join(QLatin1Char('\n'));
        QVERIFY2(all.contains(QStringLiteral("shop-api, pid 2231 on app-3")), qPrintable(all));
        QVERIFY(all.contains(QStringLiteral("20 of 20 used")));
        QVERIFY(all.contains(QStringLiteral("takes no stacks")));
        QVERIFY(all.contains(QStringLiteral("allows connections to be taken back")));
    }

    void theTestTellsOfAPageOfMetrics()
    {
        class Page : public FakeSource
        {
        public:
            using FakeSource::FakeSource;
            const TargetInfo& info() const override { return info_; }

        private:
            TargetInfo info_{TargetId{1}, "prometheus", "app:9090",
                             "prometheus+http://app:9090/metrics"};
        };
        AttachTest test;
        test.setSourceFactory(
            [](TargetId id, const AttachRequest&) -> Result<std::unique_ptr<Source>> {
                auto source = std::make_unique<Page>(id);
                source->onStart = [](FakeSource& fake) {
                    PoolSample sample;
                    sample.full = true;
                    sample.pools.resize(1);
                    sample.pools[0].name = Text("shop");
                    sample.pools[0].used = 10;
                    sample.pools[0].max = 10;
                    fake.report(sample);
                };
                return std::unique_ptr<Source>(std::move(source));
            });
        QSignalSpy finished(&test, &AttachTest::finished);
        AttachRequest request;
        request.target = QStringLiteral("prometheus+http://app:9090/metrics");
        test.start(request);
        QTRY_COMPARE_WITH_TIMEOUT(finished.count(), 1, 10000);
        QVERIFY(finished[0][0].toBool());
        const QString all = test.lines().join(QLatin1Char('\n'));
        QVERIFY2(all.contains(QStringLiteral("Prometheus metrics")), qPrintable(all));
        QVERIFY2(all.contains(QStringLiteral("10 of 10 used")), qPrintable(all));
        QVERIFY2(all.contains(QStringLiteral("not by whom")), qPrintable(all));
    }

    /// Its source waits for a server that answers no more: the dialog closes all the same, and so
    /// does what it captured, later.
    void aSourceThatHangsHoldsUpNoDialog()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto hanging = std::make_shared<QSemaphore>();
        const auto begun = std::make_shared<std::atomic<bool>>(false);
        const auto ended = std::make_shared<std::atomic<bool>>(false);
        auto dialog = std::make_unique<AttachDialog>(AttachChoice{}, settings);
        dialog->test()->setSourceFactory(
            [hanging, begun, ended](TargetId id,
                                    const AttachRequest&) -> Result<std::unique_ptr<Source>> {
                auto source = std::make_unique<FakeSource>(id);
                source->onStart = [begun](FakeSource&) {
                    *begun = true;
                };
                source->onStop = [hanging, ended] {
                    hanging->tryAcquire(1, 20000); // a test that fails must not hang
                    *ended = true;
                };
                return std::unique_ptr<Source>(std::move(source));
            });
        AttachRequest request;
        request.target = QStringLiteral("host=db1");
        dialog->test()->start(request);
        QTRY_VERIFY_WITH_TIMEOUT(*begun, 20000);
        QElapsedTimer since;
        since.start();
        dialog.reset();
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        QCoreApplication::processEvents();
        QVERIFY2(since.elapsed() < 10000, qPrintable(QString::number(since.elapsed())));
        QVERIFY(!*ended);
        hanging->release();
        QTRY_VERIFY_WITH_TIMEOUT(*ended, 20000);
    }

    void whatWasTestedSaysNothingOfAnotherTarget()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        dialog.test()->setSourceFactory(
            [](TargetId, const AttachRequest&) -> Result<std::unique_ptr<Source>> {
                return Error{"There is no such host.", "Look at its name."};
            });
        auto* field = dialog.findChild<QLineEdit*>(QStringLiteral("target"));
        field->setText(QStringLiteral("host=db1"));
        QSignalSpy finished(dialog.test(), &AttachTest::finished);
        button(dialog, QStringLiteral("Test"))->click();
        QTRY_COMPARE(finished.count(), 1);
        QVERIFY(!dialog.test()->lines().isEmpty());
        field->setText(QStringLiteral("host=db2"));
        QVERIFY(dialog.test()->lines().isEmpty());
    }

    void theTestAnswersInPlaceWithTheMissingGrant()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        dialog.test()->setSourceFactory(
            [](TargetId id, const AttachRequest&) -> Result<std::unique_ptr<Source>> {
                auto source = std::make_unique<FakeSource>(id);
                source->onStart = [](FakeSource& fake) {
                    ServerFacts facts;
                    facts.version = "13.16";
                    facts.max_connections = 100;
                    facts.role = "dba";
                    facts.sees_all = true;
                    facts.missing_grant = "GRANT pg_signal_backend TO dba;";
                    fake.report(FactsReported{facts});
                    ServerSample sample;
                    sample.full = true;
                    fake.report(sample);
                };
                return std::unique_ptr<Source>(std::move(source));
            });
        dialog.findChild<QLineEdit*>(QStringLiteral("target"))->setText(QStringLiteral("host=db1"));
        QSignalSpy finished(dialog.test(), &AttachTest::finished);
        button(dialog, QStringLiteral("Test"))->click();
        QVERIFY(dialog.test()->running());
        QTRY_COMPARE_WITH_TIMEOUT(finished.count(), 1, 10000);
        const QString all = dialog.test()->lines().join(QLatin1Char('\n'));
        QVERIFY(all.contains(QStringLiteral("PostgreSQL 13.16")));
        QVERIFY(all.contains(QStringLiteral("of 100 connections")));
        QVERIFY(all.contains(QStringLiteral("cannot end")));
        QVERIFY(all.contains(QStringLiteral("GRANT pg_signal_backend TO dba;")));
        QVERIFY(!dialog.test()->running());
    }
};

QTEST_MAIN(TestAttachTest)
#include "tst_attachtest.moc"
