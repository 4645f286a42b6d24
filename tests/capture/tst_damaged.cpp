// SPDX-License-Identifier: GPL-3.0-or-later
// Recordings that are damaged in their middle: what can be read is shown.
#include "tests/capture/workspacefixture.h"

#include <SQLiteCpp/Database.h>

#include <QFile>
#include <QSignalSpy>

using namespace poolscope;

class TestDamaged : public QObject
{
    Q_OBJECT
private slots:
    void whatIsBeforeDamageIsShown();
    void pastADamagedKeyframe();
};

namespace {

/// Five minutes of ten sessions that come and go, and then a page is overwritten, so that it opens
/// and can be read up to its middle. False where there is no such page.
bool recordDamaged(const QString& name)
{
    const std::string file = name.toStdString();
    if (!recordSeconds(file, 300))
        return false;
    QFile bytes{name};
    if (!bytes.open(QIODevice::ReadWrite))
        return false;
    constexpr qint64 page = 4096;
    for (qint64 at = bytes.size() - page; at > page; at -= page) {
        bytes.seek(at);
        const QByteArray good = bytes.read(page);
        const auto put = [&](const QByteArray& what) {
            bytes.seek(at);
            bytes.write(what);
            bytes.flush();
        };
        put(QByteArray(page, '\xff'));
        Timestamp last = start;
        if (auto reader = RecordingReader::open(file); reader && reader.value()->info()) {
            const auto read = reader.value()->read({}, [&](const Observation& each) {
                last = each.time;
                return true;
            });
            const bool ends = reader.value()->info().value().ended == start + 300s;
            if (!read && ends && last > start + 60s && last < start + 240s)
                return true;
        }
        put(good);
    }
    return false;
}

} // namespace

void TestDamaged::whatIsBeforeDamageIsShown()
{
    Fixture f;
    const QString file = f.folder.filePath(QStringLiteral("damaged.poolrec"));
    QVERIFY(recordDamaged(file));
    QSignalSpy failed(f.workspace.get(), &Workspace::failed);
    f.workspace->open(file);
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    QTRY_COMPARE(f.rows.size(), size_t{10});
    const Timestamp last = f.last->now;
    QVERIFY(last > start + 60s && last < start + 240s);
    QTRY_COMPARE(f.workspace->transport().cursor, last);
    QVERIFY(failed.count() > 0);
    const auto said = failed.last().first().value<Error>();
    QVERIFY(said.sentence.find("damaged") != std::string::npos);
    QVERIFY(said.next_step.find("is shown") != std::string::npos);

    // It plays up to there, and stands.
    QVERIFY(f.seek(last - 3s));
    f.workspace->play(true);
    QTRY_VERIFY(f.workspace->transport().playing);
    QTRY_VERIFY_WITH_TIMEOUT(!f.workspace->transport().playing, 20000);
    QCOMPARE(f.workspace->transport().cursor, last);
    QCOMPARE(f.rows.size(), size_t{10});
}

/// What stands in a keyframe stands in the observations before it, too.
void TestDamaged::pastADamagedKeyframe()
{
    Fixture f;
    const QString file = f.folder.filePath(QStringLiteral("keyframe.poolrec"));
    WriterOptions options;
    options.keyframe_every = 60s;
    QVERIFY(recordSeconds(file.toStdString(), 1500, options));
    SQLite::Database{file.toStdString(), SQLite::OPEN_READWRITE}.exec(
        "UPDATE keyframe_session SET target = 77");
    QSignalSpy failed(f.workspace.get(), &Workspace::failed);
    f.workspace->open(file);
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    QTRY_COMPARE(f.rows.size(), size_t{10});
    QCOMPARE(f.last->now, start + 1500s);
    QTRY_VERIFY(failed.count() > 0);
    const auto said = failed.last().first().value<Error>();
    QVERIFY(said.sentence.find("damaged") != std::string::npos);
    QVERIFY(f.seek(start + 1200s));
    QCOMPARE(f.rows.size(), size_t{10});
    QVERIFY(f.rows.contains(session(12000, SessionState::active, start).key));
    // Opened from a recording that is open.
    f.workspace->open(file);
    QTRY_COMPARE(f.last->now, start + 1500s);
    QCOMPARE(f.rows.size(), size_t{10});
}

QTEST_GUILESS_MAIN(TestDamaged)
#include "tst_damaged.moc"
