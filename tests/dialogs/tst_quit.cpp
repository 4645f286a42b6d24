// SPDX-License-Identifier: GPL-3.0-or-later
// The application ends while a dialog's own capture is under way: what it began ends before.
#include "tests/capture/fakesource.h"
#include "ui/dialogs/attachdialog.h"
#include "ui/dialogs/attachtest.h"
#include "ui/dialogs/poolwatch.h"

#include <QApplication>
#include <QDir>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>

using namespace poolscope;

namespace {

/// What became of a source.
struct Fate
{
    std::atomic<bool> made = false;
    std::atomic<bool> begun = false;
    std::atomic<bool> stopped = false;
    std::atomic<bool> gone = false;
};

class WatchedSource : public FakeSource
{
public:
    WatchedSource(TargetId id, std::shared_ptr<Fate> fate)
        : FakeSource(id)
        , fate_(std::move(fate))
    {
        fate_->made = true;
        onStart = [of = fate_.get()](FakeSource&) {
            of->begun = true;
        };
        onStop = [of = fate_.get()] {
            of->stopped = true;
        };
    }
    ~WatchedSource() override { fate_->gone = true; }

private:
    std::shared_ptr<Fate> fate_;
};

auto sources(const std::shared_ptr<Fate>& fate)
{
    return [fate](TargetId id, const AttachRequest&) -> Result<std::unique_ptr<Source>> {
        return std::unique_ptr<Source>(std::make_unique<WatchedSource>(id, fate));
    };
}

} // namespace

class TestQuit : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void whileAttachIsTested_data();
    void whileAttachIsTested();
    void whileAPoolIsWaitedFor();

private:
    QTemporaryDir folder_;
    int count_ = 1;
    char name_[10] = "tst_quit";
    char* arguments_[2] = {name_, nullptr};
};

void TestQuit::initTestCase()
{
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, folder_.path());
    // Where the folders of such captures are made, so that it is seen whether they go.
    qputenv("TMPDIR", QFile::encodeName(folder_.path()));
}

void TestQuit::whileAttachIsTested_data()
{
    QTest::addColumn<bool>("attached");
    QTest::newRow("at its begin") << false;
    QTest::newRow("once it was attached to") << true;
}

void TestQuit::whileAttachIsTested()
{
    QFETCH(const bool, attached);
    const auto fate = std::make_shared<Fate>();
    {
        const QApplication application(count_, arguments_);
        QSettings settings;
        AttachDialog dialog({}, settings);
        dialog.test()->setSourceFactory(sources(fate));
        AttachRequest request;
        request.target = QStringLiteral("host=db1");
        dialog.test()->start(request);
        if (attached)
            QTRY_VERIFY_WITH_TIMEOUT(fate->begun, 20000);
        QVERIFY(dialog.test()->running());
    }
    QVERIFY(!attached || fate->stopped);
    QCOMPARE(fate->gone.load(), fate->made.load());
    QCOMPARE(QDir(folder_.path()).entryList({QStringLiteral("poolscope-*")}, QDir::Dirs),
             QStringList());
}

void TestQuit::whileAPoolIsWaitedFor()
{
    const auto asked = std::make_shared<std::atomic<int>>(0);
    {
        const QApplication application(count_, arguments_);
        PoolWatch watch([asked] {
            ++*asked;
            return std::vector<LocalPool>{};
        });
        watch.begin();
        watch.setAddress(QStringLiteral("pool://127.0.0.1:1"), QStringLiteral("t"));
        QTRY_VERIFY_WITH_TIMEOUT(*asked > 0, 20000);
    }
    QCOMPARE(QDir(folder_.path()).entryList({QStringLiteral("poolscope-*")}, QDir::Dirs),
             QStringList());
}

QTEST_APPLESS_MAIN(TestQuit)
#include "tst_quit.moc"
