// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/places.h"

#include <QDir>
#include <QFile>
#include <QMimeDatabase>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

using poolscope::test::inTree;

/// A desktop that has our MIME description installed knows recordings, by name and by content.
class TestMimeType : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void byName();
    void byContent();
    void otherSqliteFilesAreNotOurs();

private:
    static QByteArray header(const QByteArray& applicationId);
    QTemporaryDir data_;
};

void TestMimeType::initTestCase()
{
    QVERIFY(data_.isValid());
    const QString packages = data_.filePath(QStringLiteral("mime/packages"));
    QVERIFY(QDir().mkpath(packages));
    const QString name = QStringLiteral("/org.poolscope.Poolscope.xml");
    QVERIFY(QFile::copy(inTree("packaging") + name, packages + name));
    // In one tree with the system's types, as after an installation under /usr.
    const QString system = QStandardPaths::locate(
        QStandardPaths::GenericDataLocation, QStringLiteral("mime/packages/freedesktop.org.xml"));
    if (system.isEmpty())
        QSKIP("shared-mime-info is not installed here");
    QVERIFY(QFile::copy(system, packages + QStringLiteral("/freedesktop.org.xml")));
    const QString tool = QStandardPaths::findExecutable(QStringLiteral("update-mime-database"));
    if (tool.isEmpty())
        QSKIP("update-mime-database is not installed here");
    QCOMPARE(QProcess::execute(tool, {data_.filePath(QStringLiteral("mime"))}), 0);
    qputenv("XDG_DATA_HOME", data_.path().toLocal8Bit());
    qputenv("XDG_DATA_DIRS", data_.path().toLocal8Bit());
}

QByteArray TestMimeType::header(const QByteArray& applicationId)
{
    QByteArray page(4096, '\0');
    page.replace(0, 16, QByteArrayLiteral("SQLite format 3\0"));
    page.replace(68, 4, applicationId);
    return page;
}

void TestMimeType::byName()
{
    const QMimeType type = QMimeDatabase().mimeTypeForFile(QStringLiteral("last night.poolrec"),
                                                           QMimeDatabase::MatchExtension);
    QCOMPARE(type.name(), QStringLiteral("application/vnd.poolscope.recording"));
    QVERIFY(type.inherits(QStringLiteral("application/vnd.sqlite3")) ||
            type.parentMimeTypes().contains(QStringLiteral("application/vnd.sqlite3")));
}

void TestMimeType::byContent()
{
    const QMimeType type = QMimeDatabase().mimeTypeForData(header("PSCP"));
    QCOMPARE(type.name(), QStringLiteral("application/vnd.poolscope.recording"));
}

void TestMimeType::otherSqliteFilesAreNotOurs()
{
    const QMimeType type = QMimeDatabase().mimeTypeForData(header("ABCD"));
    QVERIFY(type.name() != QStringLiteral("application/vnd.poolscope.recording"));
}

QTEST_GUILESS_MAIN(TestMimeType)
#include "tst_mimetype.moc"
