// SPDX-License-Identifier: GPL-3.0-or-later
// poolscope report, as a person or a script calls it.
#include "tests/report/incident.h"
#include "tests/report/page.h"
#include "tests/report/pdftext.h"
#include "tests/support/places.h"
#include "tests/support/shell.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QProcess>
#include <QProcessEnvironment>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope::test;

class TestReportCommand : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void everyGoldenRecording_data();
    void everyGoldenRecording();
    void theFileIsPrivateAndWhole();
    void theSameTwice();
    void nothingSecretIsLeft();
    void aMomentAndARange();
    void severalRecordings();
    void asPdfWithoutADisplay();
    void nothingIsOverwritten();
    void whatCannotBeRead();
    void whatIsDamagedWithin();
    void whereNothingCanBeWritten();
    void usage();

private:
    Run run(const QStringList& arguments) const;
    QString path(const char* name) const { return dir_.filePath(QLatin1String(name)); }
    static QByteArray contentOf(const QString& file);

    QTemporaryDir dir_;
    QString incident_;
};

namespace {

QString text(const char* latin1)
{
    return QString::fromLatin1(latin1);
}

} // namespace

void TestReportCommand::initTestCase()
{
    QVERIFY(dir_.isValid());
    incident_ = path("incident-of-alice.poolrec");
    const RecordedIncident recorded{incident_.toStdString()};
    QCOMPARE(QString::fromStdString(recorded.trouble()), QString());
}

Run TestReportCommand::run(const QStringList& arguments) const
{
    // A desktop that is not there must not be asked for anything.
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(text("QT_QPA_PLATFORM"), text("xcb"));
    environment.insert(text("DISPLAY"), text(":4711"));
    environment.insert(text("XDG_RUNTIME_DIR"), dir_.path()); // of this user alone
    return runProgram(inBuild("app/poolscope"), QStringList{text("report")} + arguments,
                      environment);
}

QByteArray TestReportCommand::contentOf(const QString& file)
{
    QFile in(file);
    return in.open(QIODevice::ReadOnly) ? in.readAll() : QByteArray();
}

void TestReportCommand::everyGoldenRecording_data()
{
    QTest::addColumn<QString>("file");
    const QDir folder(inTree("tests/data"));
    for (const QString& name : folder.entryList({text("*.poolrec")}))
        QTest::newRow(qPrintable(name)) << folder.filePath(name);
}

void TestReportCommand::everyGoldenRecording()
{
    QFETCH(const QString, file);
    const QString out = dir_.filePath(QFileInfo(file).baseName() + text(".html"));
    const Run written = run({file, text("-o"), out});
    QCOMPARE(written.code, 0);
    QCOMPARE(written.err, QByteArray());
    const Page page = readPage(contentOf(out).toStdString());
    QCOMPARE(page.trouble, QString());
    QCOMPARE(page.headings.size(), 9);
}

void TestReportCommand::theFileIsPrivateAndWhole()
{
    const QString out = path("private.html");
    QCOMPARE(run({incident_, text("-o"), out}).code, 0);
    const QFile::Permissions others =
        QFile::ReadGroup | QFile::WriteGroup | QFile::ReadOther | QFile::WriteOther;
    QCOMPARE(QFile::permissions(out) & others, QFile::Permissions());
    const QByteArray html = contentOf(out);
    QVERIFY(html.startsWith("<!DOCTYPE html>"));
    QVERIFY(html.endsWith("</html>\n"));
    QVERIFY(html.contains("orders.cpp:42"));
    QVERIFY(html.contains("Made by Poolscope 0."));
    // Nothing of the way there is left.
    QCOMPARE(QDir(dir_.path()).entryList({text(".*.part")}, QDir::Files | QDir::Hidden),
             QStringList());
}

void TestReportCommand::theSameTwice()
{
    QCOMPARE(run({incident_, text("-o"), path("one.html")}).code, 0);
    QCOMPARE(run({incident_, text("-o"), path("two.html")}).code, 0);
    QCOMPARE(contentOf(path("one.html")), contentOf(path("two.html")));
}

void TestReportCommand::nothingSecretIsLeft()
{
    const QString out = path("redacted.html");
    const Run written = run({incident_, text("-o"), out, text("--redact")});
    QCOMPARE(written.code, 0);
    const QByteArray html = contentOf(out);
    QVERIFY(html.contains("load_orders"));
    QVERIFY(html.contains("Redacted:"));
    // The file's own name holds one too.
    for (const std::string& secret : RecordedIncident::secrets)
        QVERIFY2(!html.contains(secret.c_str()), secret.c_str());
    QCOMPARE(readPage(html.toStdString()).trouble, QString());
}

void TestReportCommand::aMomentAndARange()
{
    // 14:28:40 UTC is when it begins.
    const QString calm = path("calm.html");
    QCOMPARE(run({incident_, text("-o"), calm, text("--utc"), text("--from"), text("14:28:42"),
                  text("--to"), text("14:28:50")})
                 .code,
             0);
    const Page page = readPage(contentOf(calm).toStdString());
    QVERIFY(page.text.contains(text("2025-11-21 14:28:42 to 14:28:50 (UTC)")));
    QVERIFY(page.text.contains(text("No pool and no server was exhausted")));
    const QString then = path("then.html");
    QCOMPARE(run({incident_, text("-o"), then, text("--utc"), text("--at"), text("14:29:40")}).code,
             0);
    QVERIFY(readPage(contentOf(then).toStdString())
                .text.contains(text("2025-11-21 14:29:40, as asked for")));
}

void TestReportCommand::severalRecordings()
{
    const QString out = path("several.html");
    const QString other = QDir(inTree("tests/data")).filePath(text("v4.poolrec"));
    QCOMPARE(run({incident_, other, text("-o"), out}).code, 0);
    const Page page = readPage(contentOf(out).toStdString());
    QCOMPARE(page.trouble, QString());
    QCOMPARE(page.headings.size(), 18);
    // One that cannot be read does not keep the other from being told.
    const QString part = path("part.html");
    const Run run2 = run({path("absent.poolrec"), incident_, text("-o"), part});
    QCOMPARE(run2.code, 5);
    QVERIFY(run2.err.contains("absent.poolrec"));
    QCOMPARE(readPage(contentOf(part).toStdString()).headings.size(), 9);
}

void TestReportCommand::asPdfWithoutADisplay()
{
    const QString out = path("incident.PDF");
    const Run written = run({incident_, text("-o"), out, text("--redact")});
#ifdef POOLSCOPE_PRINTS
    QCOMPARE(written.err, QByteArray());
    QCOMPARE(written.code, 0);
    const QByteArray pdf = contentOf(out);
    QVERIFY(pdf.startsWith("%PDF-1."));
    QVERIFY(pdf.trimmed().endsWith("%%EOF"));
    QVERIFY(pdf.count("/Type /Page\n") >= 2);
    QVERIFY(!(QFile::permissions(out) & (QFile::ReadGroup | QFile::ReadOther)));
    QCOMPARE(run({incident_, text("-o"), out}).code, 2); // is there already
    // Read as a person does: its streams are packed, and hold glyphs.
    const QString open = path("open.pdf");
    QCOMPARE(run({incident_, text("-o"), open}).code, 0);
    const PdfText shown{pdf};
    const PdfText all{contentOf(open)};
    QVERIFY(shown.has(text("load_orders")));
    QVERIFY(shown.has(text("Redacted:")));
    for (const std::string& secret : RecordedIncident::secrets) {
        const QString word = QString::fromStdString(secret);
        QVERIFY2(!shown.has(word), secret.c_str());
        QVERIFY2(!pdf.contains(secret.c_str()), secret.c_str()); // nor in what is about it
        // Else this would prove nothing.
        QVERIFY2(all.has(word), secret.c_str());
    }
#else
    QCOMPARE(written.code, 2);
    QVERIFY(written.err.contains("built without a window"));
    QVERIFY(!QFileInfo::exists(out));
#endif
}

void TestReportCommand::nothingIsOverwritten()
{
    const QString out = path("kept.html");
    QFile kept(out);
    QVERIFY(kept.open(QIODevice::WriteOnly));
    kept.write("mine");
    kept.close();
    const Run refused = run({incident_, text("-o"), out});
    QCOMPARE(refused.code, 2);
    QVERIFY(refused.err.contains("is not overwritten"));
    QCOMPARE(contentOf(out), QByteArray("mine"));
}

void TestReportCommand::whatCannotBeRead()
{
    const QString out = path("never.html");
    const QString no = path("no.poolrec");
    QFile file(no);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("no recording at all, whatever it is called");
    file.close();
    for (const QString& bad : {no, path("absent.poolrec"), dir_.path()}) {
        const Run run1 = run({bad, text("-o"), out});
        QCOMPARE(run1.code, 5);
        QVERIFY(run1.err.startsWith("poolscope: "));
        QVERIFY(!QFileInfo::exists(out));
    }
    // Cut in the middle, it is none either.
    const QByteArray whole = contentOf(incident_);
    const QString half = path("half.poolrec");
    QFile cut(half);
    QVERIFY(cut.open(QIODevice::WriteOnly));
    cut.write(whole.left(whole.size() / 2));
    cut.close();
    const Run run2 = run({half, text("-o"), out});
    QCOMPARE(run2.code, 5);
    QVERIFY(run2.err.startsWith("poolscope: "));
    QVERIFY(!QFileInfo::exists(out));
}

void TestReportCommand::whatIsDamagedWithin()
{
    // What is before the damage is told, with a sentence and by the exit status. Which page of the
    // file must be hit for that depends on how it lies there: some page does.
    const QByteArray whole = contentOf(incident_);
    constexpr qsizetype pageSize = 4096;
    const QString damaged = path("secret-name-815.poolrec");
    const QString out = path("damaged.html");
    Run told;
    for (qsizetype at = whole.size() / pageSize - 1; at > 1 && !QFileInfo::exists(out); --at) {
        QByteArray bytes = whole;
        bytes.replace(at * pageSize, pageSize, QByteArray(pageSize, '\x5A'));
        QFile file(damaged);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(bytes);
        file.close();
        told = run({damaged, text("-o"), out, text("--redact")});
        if (told.code == 0)
            QVERIFY(QFile::remove(out)); // nobody needed that page
    }
    QVERIFY(QFileInfo::exists(out));
    QCOMPARE(told.code, 5);
    QVERIFY(told.err.startsWith("poolscope: "));
    const Page page = readPage(contentOf(out).toStdString());
    QCOMPARE(page.trouble, QString());
    QVERIFY2(page.text.contains(text("The recording is damaged: what comes after 2025-11-21T")),
             qPrintable(page.text.right(600)));
    // The file's name is the user's.
    QVERIFY(!page.text.contains(text("secret-name")));
}

void TestReportCommand::whereNothingCanBeWritten()
{
    // A folder that is none, one that is not there, and a device that takes nothing: also for root.
    QFile file(path("file"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    for (const QString& out :
         {path("file") + text("/out.html"), path("no/out.html"), text("/proc/out.html")}) {
        const Run refused = run({incident_, text("-o"), out});
        QCOMPARE(refused.code, 5);
        QVERIFY2(refused.err.contains("could not be written"), refused.err.constData());
        QVERIFY(!QFileInfo::exists(out));
    }
}

void TestReportCommand::usage()
{
    QCOMPARE(run({}).code, 2);
    QCOMPARE(run({incident_}).code, 2);
    const QString out = path("usage.html");
    const Run at = run({incident_, text("-o"), out, text("--at"), text("noon")});
    QCOMPARE(at.code, 2);
    QVERIFY(at.err.contains("--at"));
    QCOMPARE(run({incident_, text("-o"), out, text("--from"), text("14:30:00"), text("--to"),
                  text("14:29:00")})
                 .code,
             2);
    QCOMPARE(run({incident_, text("-o"), out, text("--from"), text("14:30:00"), text("--at"),
                  text("14:29:00")})
                 .code,
             2);
    QVERIFY(!QFileInfo::exists(out));
    const Run help = run({text("--help")});
    QCOMPARE(help.code, 0);
    QVERIFY(help.out.contains("--redact"));
}

QTEST_GUILESS_MAIN(TestReportCommand)
#include "tst_reportcommand.moc"
